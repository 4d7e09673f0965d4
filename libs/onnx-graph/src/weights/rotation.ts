/**
 * The largest block: an element that stands out by itself in one of 64 is left with an eighth of its size. Longer ones
 * gain nothing that perplexity shows, and cost arithmetic for each row of activations.
 */
const LARGEST_BLOCK = 64;

/**
 * Elements of a row that are rotated together where rows have this many columns: a power of two of which every row
 * holds at least two, so that one row of activations is a matrix product as many are, which sums in the same order. 1 where
 * columns are odd: then nothing is rotated.
 */
export function rotationBlock(columns: number): number {
  let block = LARGEST_BLOCK;
  while (block > 1 && (columns % block !== 0 || columns === block)) block /= 2;
  return block;
}

/** The Hadamard matrix of a power of two, divided by its square root: orthonormal and symmetric, row-major. */
export function hadamard(block: number): Float32Array<ArrayBuffer> {
  const matrix = Float32Array.from({ length: block ** 2 }, (_, index) => (index % (block + 1) === 0 ? 1 : 0));
  rotate(matrix, 0, matrix.length, block);
  return matrix;
}

/**
 * Multiplies each block of the elements in `[begin, end)` by `hadamard(block)`, in place, by the fast Walsh-Hadamard
 * transform. A product of two rows that are rotated alike is that of the rows.
 */
export function rotate(elements: Float32Array, begin: number, end: number, block: number): void {
  for (let first = begin; first < end; first += block) rotateBlock(elements, first, block);
}

function rotateBlock(elements: Float32Array, first: number, block: number): void {
  const end = first + block;
  for (let half = 1; half < block; half *= 2) {
    for (let pair = first; pair < end; pair += 2 * half) {
      for (let low = pair; low < pair + half; low++) {
        const a = elements[low] ?? 0;
        const b = elements[low + half] ?? 0;
        elements[low] = a + b;
        elements[low + half] = a - b;
      }
    }
  }
  const factor = 1 / Math.sqrt(block);
  for (let i = first; i < end; i++) elements[i] = (elements[i] ?? 0) * factor;
}
