import assert from 'node:assert/strict';

/** Element types of a checkpoint that become weights. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** Elements that lie one after the other in a file, little-endian: a tensor of a checkpoint, or some rows of one. */
export interface TensorPart {
  /** File that holds the elements. */
  readonly path: string;
  /** First byte, counted from the beginning of the file. */
  readonly offset: number;
  readonly dtype: FloatDtype;
  readonly elements: number;
  /** Name of the tensor in its file, for errors. */
  readonly tensor: string;
}

/**
 * Where a weight's elements are: data, so that any thread can read any of its rows. `name` is unique in the graph,
 * and the same name is the same weight. The parts, one after the other, are the elements row-major.
 */
export interface WeightSource {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parts: readonly TensorPart[];
}

/** A weight as a matrix: its first dimension is the rows, all others together are the columns. */
export interface MatrixSize {
  readonly rows: number;
  readonly columns: number;
}

/** The matrix that a shape is cut into rows as; a scalar is one row of one. */
export function matrixSize(shape: readonly number[]): MatrixSize {
  const [rows = 1, ...rest] = shape;
  return { rows, columns: rest.reduce((product, dimension) => product * dimension, 1) };
}

/**
 * Stacks tensors along their first dimension into one source: query, key and value projections of shape
 * [out, in] (or their biases, [out]) become one packed projection.
 */
export function stackRows(name: string, sources: readonly WeightSource[]): WeightSource {
  const [first] = sources;
  assert.ok(first, 'nothing to stack');
  const columns = first.shape.slice(1);
  for (const { shape } of sources)
    assert.deepEqual(shape.slice(1), columns, `rows of ${name} differ in shape`);
  const rows = sources.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return { name, shape: [rows, ...columns], parts: sources.flatMap(({ parts }) => parts) };
}
