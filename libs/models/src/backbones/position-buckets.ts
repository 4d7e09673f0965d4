import type { GraphBuilder, Value } from '@diptych/onnx-graph';

/** Positions along the two sides of a tile, and how many of them the embedding table has a side. */
export interface PatchGrid {
  /** int64 [1]: patches from top to bottom. */
  readonly rows: Value;
  /** int64 [1]: patches from left to right. */
  readonly columns: Value;
  /** Edge of the square of positions that the table was trained for, in patches. */
  readonly trained: number;
}

/**
 * Row of the position embedding table for each patch of a tile, int64 [rows × columns], row by row: every side is
 * stretched over all trained positions, whatever its number of patches (NaViT, Dehghani et al. 2023).
 */
export function positionIds(graph: GraphBuilder, { rows, columns, trained }: PatchGrid): Value {
  const scalar = (value: number) => graph.constant('int64', [1], [value]);
  const down = graph.op('Unsqueeze', [positionBuckets(graph, rows, trained), scalar(1)]);
  const across = positionBuckets(graph, columns, trained);
  const grid = graph.op('Add', [graph.op('Mul', [down, scalar(trained)]), across]);
  return graph.op('Reshape', [grid, scalar(-1)]);
}

/**
 * Position of each patch along one side of `patches` patches (int64 [1]), int64 [patches]: transformers'
 * Idefics2VisionEmbeddings and Idefics3VisionEmbeddings, which compare fractions of the side with the bounds of equal
 * buckets in float32. Its rounding is part of the result: at some sizes (19, 25, 29, ...) two patches share a position
 * although there is one for each.
 */
export function positionBuckets(graph: GraphBuilder, patches: Value, trained: number): Value {
  const bounds = bucketBounds(trained);
  const reached = graph.op('GreaterOrEqual', [
    graph.op('Unsqueeze', [fractions(graph, patches), graph.constant('int64', [1], [1])]),
    graph.constant('float32', [1, bounds.length], bounds),
  ]);
  const axes = graph.constant('int64', [1], [1]);
  return graph.op('ReduceSum', [graph.op('Cast', [reached], { to: INT64 }), axes], { keepdims: 0 });
}

/** ONNX's numbers of the element types. */
const FLOAT = 1;
const INT64 = 7;

/** The reference clamps fractions to this, so that none reaches 1. */
const LARGEST_FRACTION = 1 - 1e-6;

/** Where each patch begins, as a fraction of the side: float32 [patches]. */
function fractions(graph: GraphBuilder, patches: Value): Value {
  const scalar = (value: number) => graph.constant('int64', [], [value]);
  const count = graph.op('Squeeze', [patches]);
  const indices = graph.op('Range', [scalar(0), count, scalar(1)]);
  // Not a division of one: ONNX Runtime would make index / patches of it, which rounds differently.
  const step = graph.op('Reciprocal', [graph.op('Cast', [count], { to: FLOAT })]);
  const starts = graph.op('Mul', [graph.op('Cast', [indices], { to: FLOAT }), step]);
  return graph.op('Min', [starts, graph.constant('float32', [], [LARGEST_FRACTION])]);
}

/** PyTorch on x86 fills a range by runs of eight, two at a time; what is left over is filled one by one. */
const LANES = 8;
const RUN = 2 * LANES;

/**
 * torch.arange(1 / n, 1, 1 / n) in float32, as PyTorch rounds it on x86: within a run of eight each value is the
 * run's rounded start plus a multiple of the step.
 */
function bucketBounds(buckets: number): number[] {
  const width = 1 / buckets;
  const length = Math.ceil((1 - width) / width);
  const inRuns = length - (length % RUN);
  return Array.from({ length }, (_, index) => {
    const lane = index < inRuns ? index % LANES : 0;
    return Math.fround(Math.fround(width + (index - lane) * width) + lane * width);
  });
}
