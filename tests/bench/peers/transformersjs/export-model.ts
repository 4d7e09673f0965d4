import { access, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '@diptych/checkpoint';
import type { Shape } from '../../shapes/shape.ts';
import { decoderGraph, embeddingGraph } from './decoder-graph.ts';
import type { ExportSource, PeerPrecision } from './graph-parts.ts';
import { visionEncoderGraph } from './vision-graph.ts';

/** Raised whenever an export would be another for the same shape. */
const EXPORT_VERSION = 1;

const PRECISIONS: readonly PeerPrecision[] = ['fp32', 'q8'];

/** What the library adds to a file's name for a precision. */
const SUFFIXES: Record<PeerPrecision, string> = { fp32: '', q8: '_quantized' };

const GRAPHS = {
  vision_encoder: visionEncoderGraph,
  embed_tokens: embeddingGraph,
  decoder_model_merged: decoderGraph,
};

/** A checkpoint to export, and the folder that exports are kept in. */
export interface ExportOptions {
  readonly shape: Shape;
  readonly checkpointFolder: string;
  readonly home: string;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/**
 * The folder of a checkpoint in the layout of `@huggingface/transformers`: its small files as they are, and `onnx/` with
 * `vision_encoder`, `embed_tokens` and `decoder_model_merged` in fp32 and q8. Written where it is not there yet.
 */
export async function exportModel({
  shape,
  checkpointFolder,
  home,
  onProgress,
}: ExportOptions): Promise<string> {
  const folder = join(home, 'exports', `v${EXPORT_VERSION}`, shape.name);
  if (await isPresent(folder)) return folder;
  onProgress?.(`Exporting ${shape.name} for @huggingface/transformers; this happens once.`);
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await copySmallFiles(checkpointFolder, partial);
  const checkpoint = await openCheckpoint(checkpointFolder);
  for (const precision of PRECISIONS)
    await saveGraphs(join(partial, 'onnx'), { shape, checkpoint, precision });
  await rename(partial, folder);
  return folder;
}

async function saveGraphs(folder: string, source: ExportSource): Promise<void> {
  for (const [name, graphOf] of Object.entries(GRAPHS))
    await graphOf(source).save(folder, { fileName: `${name}${SUFFIXES[source.precision]}.onnx` });
}

async function copySmallFiles(from: string, to: string): Promise<void> {
  const small = (await readdir(from)).filter((name) => /\.(json|jinja)$/.test(name));
  for (const name of small) await copyFile(join(from, name), join(to, name));
}

function isPresent(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
