import { type GraphBuilder, linear, type Value } from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';

/** How pixels become embeddings of patches. */
export interface PatchEmbeddingOptions {
  /** Edge of a patch in pixels. */
  readonly patchSize: number;
  readonly hiddenSize: number;
  /** `weight` [hidden, 3, patch, patch] and, where there is one, `bias` [hidden] of the convolution. */
  readonly tensors: CheckpointTensors;
  readonly bias: boolean;
}

/** Embeddings of a tile's patches, and how many there are. */
export interface PatchEmbeddings {
  /** [tiles, rows × columns, hidden], row by row. */
  readonly embeddings: Value;
  /** int64 [1]. */
  readonly rows: Value;
  /** int64 [1]. */
  readonly columns: Value;
}

/**
 * The patch convolution of a vision transformer as one matrix product: its stride is its kernel, so every pixel is
 * used once and the patches only have to be laid out as rows. Pixels are [tiles, 3, height, width], both a multiple of
 * the patch; the size may vary from run to run.
 */
export function patchEmbeddings(
  graph: GraphBuilder,
  pixels: Value,
  options: PatchEmbeddingOptions,
): PatchEmbeddings {
  const { patchSize: patch, hiddenSize, tensors, bias } = options;
  const constant = (...values: number[]) => graph.constant('int64', [values.length], values);
  const patchesAlong = (axis: number) =>
    graph.op('Div', [graph.op('Shape', [pixels], { start: axis, end: axis + 1 }), constant(patch)]);
  const columns = patchesAlong(3);
  const cut = graph.op('Concat', [constant(0, 3, -1, patch), columns, constant(patch)], { axis: 0 });
  const gathered = graph.op('Transpose', [graph.op('Reshape', [pixels, cut])], { perm: [0, 2, 4, 1, 3, 5] });
  const inputs = 3 * patch * patch;
  const rows = graph.op('Reshape', [gathered, constant(0, -1, inputs)]);
  const kernel = tensors.tensor('weight', [hiddenSize, 3, patch, patch]);
  const weights = {
    weight: { ...kernel, shape: [hiddenSize, inputs] },
    bias: bias ? tensors.tensor('bias', [hiddenSize]) : undefined,
  };
  return { embeddings: linear(graph, rows, weights, PIXELS), rows: patchesAlong(2), columns };
}

/**
 * Square tiles of `edge` pixels without what lies right of and below their last whole patch: the convolution of the
 * references starts no patch that the tile does not fill.
 */
export function wholePatches(
  graph: GraphBuilder,
  pixels: Value,
  { edge, patchSize }: { readonly edge: number; readonly patchSize: number },
): Value {
  const used = edge - (edge % patchSize);
  if (used === edge) return pixels;
  const pair = (first: number, second: number) => graph.constant('int64', [2], [first, second]);
  return graph.op('Slice', [pixels, pair(0, 0), pair(used, used), pair(2, 3)]);
}

/** The kernel is small, and pixels are what everything is made of: it stays as the checkpoint has it. */
const PIXELS = { coarsest: 'float32' } as const;
