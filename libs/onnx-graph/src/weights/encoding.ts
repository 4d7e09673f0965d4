import type { ElementType } from '../element-type.ts';

/** One tensor that an encoding makes of a weight. */
export interface EncodedOutput {
  /**
   * Goes behind the weight's name: '' for at most one encoding (float32), else something that begins with the
   * encoding's name, for example `.int4.scales`.
   */
  readonly suffix: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** Some rows of a weight, as float32. */
export interface RowChunk {
  /** The rows, [count, columns]. Valid during the call only; an encoding may write into it. */
  readonly rows: Float32Array;
  /** Index of the first row within the weight. */
  readonly first: number;
  readonly count: number;
  readonly columns: number;
  /** Rows of the whole weight. */
  readonly totalRows: number;
}

/**
 * How a weight is stored: a pure function of its rows. Different threads encode different rows of one weight at
 * the same time, so what a row becomes depends on that row alone, and bytes that belong to two rows are not
 * possible.
 */
export interface Encoding {
  /** The tensors that a weight of this shape becomes. Small ones among them are kept in the graph's own file. */
  outputs(shape: readonly number[]): readonly EncodedOutput[];
  /**
   * Encodes rows into their places.
   *
   * @param outputs Views over each whole output, zero before the first row comes, on multiples of 8 bytes.
   * @throws UnencodableError for a value that the encoding cannot hold.
   */
  encode(chunk: RowChunk, outputs: readonly Uint8Array[]): void;
}

/** A value that an encoding cannot hold; whoever reads the weight adds its file and tensor. */
export class UnencodableError extends Error {
  /** Row of the weight that holds the value. */
  readonly row: number;

  /** `problem` completes "tensor "x" ...": `holds 70000, which float16 cannot`. */
  constructor(row: number, problem: string) {
    super(problem);
    this.row = row;
  }
}
