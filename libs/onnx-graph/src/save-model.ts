import assert from 'node:assert/strict';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { byteSize, bytesOf, ELEMENTS, type ElementType, type TensorData } from './element-type.ts';
import {
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from './gen/onnx_pb.js';

/** Name of the graph's file in a model's folder. */
export const GRAPH_FILE = 'model.onnx';

/** Name of the file that holds the large weights, beside the graph. */
export const WEIGHTS_FILE = 'model.onnx.data';

/** ONNX's IR version 10 (2024), which every ONNX Runtime since 1.18 reads. */
const IR_VERSION = 10n;

/** The operator sets in use: ONNX's own at 21, ONNX Runtime's at 1. */
const OPERATOR_SETS = [
  { domain: '', version: 21n },
  { domain: 'com.microsoft', version: 1n },
];

/** Weights up to this size live in the graph file: a page for a bias would be mostly padding. */
const INLINE_BYTES = 4096;

/** Offsets in the weights file are multiples of a memory page, so that ONNX Runtime can map each weight. */
const ALIGNMENT = 4096;

/** One write call's bytes: the system takes at most 2 GiB at once. */
const WRITE_CHUNK_BYTES = 64 * 1024 * 1024;

/** A weight that is read when the model is saved. */
export interface PendingWeight {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly read: () => Promise<TensorData>;
}

/** Writes a graph and its weights into a folder; the weights' tensors are added to the graph. */
export async function saveModel(
  folder: string,
  graph: GraphProto,
  weights: readonly PendingWeight[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  graph.initializer.push(...(await saveWeights(folder, weights)));
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'diptych',
    opsetImport: OPERATOR_SETS,
    graph,
  });
  await writeFile(join(folder, GRAPH_FILE), toBinary(ModelProtoSchema, model), { flush: true });
}

async function saveWeights(folder: string, weights: readonly PendingWeight[]): Promise<TensorProto[]> {
  const isLarge = (weight: PendingWeight) => byteSize(weight.type, weight.shape) > INLINE_BYTES;
  const inline = await Promise.all(weights.filter((weight) => !isLarge(weight)).map(inlineTensor));
  return [...inline, ...(await saveExternal(folder, weights.filter(isLarge)))];
}

async function saveExternal(folder: string, weights: readonly PendingWeight[]): Promise<TensorProto[]> {
  if (weights.length === 0) return [];
  const file = await open(join(folder, WEIGHTS_FILE), 'w');
  try {
    const tensors: TensorProto[] = [];
    let end = 0;
    for (const weight of weights) {
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      const bytes = await readWeight(weight);
      await writeAt(file, bytes, offset);
      end = offset + bytes.length;
      tensors.push(externalTensor(weight, offset, bytes.length));
    }
    await file.sync();
    return tensors;
  } finally {
    await file.close();
  }
}

async function inlineTensor(weight: PendingWeight): Promise<TensorProto> {
  return create(TensorProtoSchema, { ...tensorHead(weight), rawData: (await readWeight(weight)).slice() });
}

function externalTensor(weight: PendingWeight, offset: number, length: number): TensorProto {
  return create(TensorProtoSchema, {
    ...tensorHead(weight),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: WEIGHTS_FILE },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(length) },
    ],
  });
}

function tensorHead({ name, type, shape }: PendingWeight) {
  return { name, dataType: ELEMENTS[type].onnx, dims: shape.map(BigInt) };
}

async function readWeight({ name, type, shape, read }: PendingWeight): Promise<Uint8Array> {
  const data = await read();
  assert.equal(data.byteLength, byteSize(type, shape), `bytes of weight ${name}, ${type}[${shape.join()}]`);
  return bytesOf(data);
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const length = Math.min(bytes.length - written, WRITE_CHUNK_BYTES);
    written += (await file.write(bytes, written, length, position + written)).bytesWritten;
  }
}
