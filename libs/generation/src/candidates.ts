import assert from 'node:assert/strict';

/**
 * The tokens that a draw may choose, with their weights: unnormalised probabilities, the largest of them 1.
 *
 * Filters narrow the set as the warpers of transformers do (`TopKLogitsWarper`, `TopPLogitsWarper`,
 * `MinPLogitsWarper`); call them in that order. The whole vocabulary is never sorted. One object serves one
 * vocabulary size and keeps its buffers between draws.
 */
export class Candidates {
  readonly #weights: Float64Array;
  readonly #ids: Uint32Array;
  #count = 0;
  #heap = new Float64Array(0);

  constructor(vocabSize: number) {
    this.#weights = new Float64Array(vocabSize);
    this.#ids = new Uint32Array(vocabSize);
  }

  /** The token ids left, in the order in which a draw walks them. A view, valid until the next call. */
  get ids(): Uint32Array {
    return this.#ids.subarray(0, this.#count);
  }

  /** Starts anew: every token whose probability at this temperature (above 0) is not zero. */
  weigh(logits: Float32Array, temperature: number): void {
    let largest = -Infinity;
    for (const logit of logits) if (logit > largest) largest = logit;
    this.#count = 0;
    for (let id = 0; id < logits.length; id++) {
      const weight = Math.exp((at(logits, id) - largest) / temperature);
      this.#weights[id] = weight;
      if (weight > 0) this.#ids[this.#count++] = id;
    }
  }

  /** Keeps the `k` heaviest tokens and those that tie with the last of them. */
  keepTopK(k: number): void {
    if (k >= this.#count) return;
    const smallestKept = this.#kthLargest(k);
    this.#keep((weight) => weight >= smallestKept);
  }

  /**
   * Keeps the fewest heaviest tokens whose share reaches `p`; of equal tokens the lower id comes first (the order
   * that the reference leaves to its sort).
   *
   * A token whose share is at most (1 - p) / count can be put aside before sorting: all such tokens together
   * have at most 1 - p, so the heavier ones reach `p` without them.
   */
  keepTopP(p: number): void {
    const total = this.#total();
    const negligible = (total * (1 - p)) / this.#count;
    this.#keep((weight) => weight > negligible);
    this.#sort();
    this.#count = this.#lengthOfShare(p * total);
  }

  /** Drops tokens lighter than `share` of the heaviest one. */
  keepMinP(share: number): void {
    this.#keep((weight) => weight >= share);
  }

  /** The token at which the running share of the weights passes `uniform`, a number in [0, 1). */
  draw(uniform: number): number {
    assert.ok(this.#count > 0, 'no token is left to choose');
    const target = uniform * this.#total();
    let sum = 0;
    for (const id of this.ids) {
      sum += at(this.#weights, id);
      if (sum > target) return id;
    }
    return at(this.#ids, this.#count - 1);
  }

  #keep(accept: (weight: number) => boolean): void {
    let kept = 0;
    for (const id of this.ids) {
      if (accept(at(this.#weights, id))) this.#ids[kept++] = id;
    }
    this.#count = kept;
  }

  #sort(): void {
    const weights = this.#weights;
    this.ids.sort((left, right) => at(weights, right) - at(weights, left) || left - right);
  }

  #total(): number {
    let total = 0;
    for (const id of this.ids) total += at(this.#weights, id);
    return total;
  }

  #lengthOfShare(mass: number): number {
    let sum = 0;
    let length = 0;
    for (const id of this.ids) {
      if (sum >= mass) break;
      sum += at(this.#weights, id);
      length++;
    }
    return length;
  }

  /** The k-th largest weight, by a min-heap of the k largest so far. */
  #kthLargest(k: number): number {
    if (this.#heap.length < k) this.#heap = new Float64Array(k);
    const heap = this.#heap.subarray(0, k);
    for (let i = 0; i < k; i++) heap[i] = at(this.#weights, at(this.#ids, i));
    for (let i = (k >> 1) - 1; i >= 0; i--) siftDown(heap, i);
    for (const id of this.ids.subarray(k)) {
      const weight = at(this.#weights, id);
      if (weight > at(heap, 0)) {
        heap[0] = weight;
        siftDown(heap, 0);
      }
    }
    return at(heap, 0);
  }
}

function siftDown(heap: Float64Array, start: number): void {
  const value = at(heap, start);
  let parent = start;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && at(heap, child + 1) < at(heap, child)) child++;
    if (at(heap, child) >= value) break;
    heap[parent] = at(heap, child);
    parent = child;
  }
  heap[parent] = value;
}

/** An element whose index is in range by construction. */
function at(values: Float32Array | Float64Array | Uint32Array, index: number): number {
  return values[index] ?? 0;
}
