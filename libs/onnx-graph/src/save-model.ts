import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { OPERATOR_DOMAIN } from '@diptych/kernels';
import { ELEMENTS } from './element-type.ts';
import {
  type FunctionProto,
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from './gen/onnx_pb.js';
import { encodeWeight } from './weights/encode-weight.ts';
import { layOut, type PendingTensor, type PendingWeight, type PlacedTensor } from './weights/layout.ts';
import { RowReader } from './weights/row-reader.ts';
import { type OnProgress, writeWeights } from './weights/write-weights.ts';

/** Name of the graph's file in a model's folder. */
export const GRAPH_FILE = 'model.onnx';

/** Name of the file that holds the large weights, beside the graph. */
export const WEIGHTS_FILE = weightsFileOf(GRAPH_FILE);

/** ONNX's IR version 10 (2024), which every ONNX Runtime since 1.18 reads. */
const IR_VERSION = 10n;

/** The operator sets in use: ONNX's own at 21, ONNX Runtime's and ours at 1. */
export const OPERATOR_SETS = [
  { domain: '', version: 21n },
  { domain: 'com.microsoft', version: 1n },
  { domain: OPERATOR_DOMAIN, version: 1n },
];

/** How a model is saved. */
export interface SaveOptions {
  /** Name of the graph's file, `GRAPH_FILE` where left out; the file of its weights is named after it. */
  readonly fileName?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What a model consists of beside its large weights. */
export interface ModelContent {
  readonly graph: GraphProto;
  readonly functions: FunctionProto[];
}

/**
 * Writes a graph and its weights into a folder; the weights' tensors are added to the graph. What an interrupted call
 * for the same graph has left in the folder is used.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and tensor.
 */
export async function saveModel(
  folder: string,
  { graph, functions }: ModelContent,
  weights: readonly PendingWeight[],
  { fileName = GRAPH_FILE, onProgress }: SaveOptions = {},
): Promise<void> {
  const weightsFile = weightsFileOf(fileName);
  await mkdir(folder, { recursive: true });
  const { inline, external } = layOut(weights);
  using reader = new RowReader();
  graph.initializer.push(...inline.flatMap((weight) => inlineTensors(reader, weight)));
  graph.initializer.push(
    ...external.flatMap(({ outputs }) => outputs.map((tensor) => externalTensor(tensor, weightsFile))),
  );
  const journal =
    external.length > 0 && (await writeWeights(join(folder, weightsFile), external, onProgress));
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'diptych',
    opsetImport: OPERATOR_SETS,
    graph,
    functions,
  });
  await writeFile(join(folder, fileName), toBinary(ModelProtoSchema, model), { flush: true });
  if (journal) await journal.remove();
}

/** The operators of `OPERATOR_DOMAIN` that a saved graph uses, by their names. */
export async function operatorsOf(graphPath: string): Promise<string[]> {
  const { functions } = fromBinary(ModelProtoSchema, await readFile(graphPath));
  return functions.map(({ name }) => name);
}

function weightsFileOf(graphFile: string): string {
  return `${graphFile}.data`;
}

function inlineTensors(reader: RowReader, weight: PendingWeight): TensorProto[] {
  const encoded = encodeWeight(reader, weight);
  return weight.outputs.map((tensor, index) =>
    create(TensorProtoSchema, { ...tensorHead(tensor), rawData: encoded[index] ?? new Uint8Array() }),
  );
}

function externalTensor({ offset, length, ...tensor }: PlacedTensor, weightsFile: string): TensorProto {
  return create(TensorProtoSchema, {
    ...tensorHead(tensor),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: weightsFile },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(length) },
    ],
  });
}

function tensorHead({ name, type, shape }: PendingTensor) {
  return { name, dataType: ELEMENTS[type].onnx, dims: shape.map(BigInt) };
}
