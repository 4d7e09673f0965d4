/** The largest of some numbers. */
export function largest(values: Float32Array): number {
  let result = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value > result) result = value;
  }
  return result;
}

/**
 * The k-th largest of some numbers, by a min-heap of the k largest so far: one comparison for almost every number
 * when k is small.
 *
 * @param k from 1 to the number of values
 * @param scratch overwritten, at least k long
 */
export function kthLargest(values: Float32Array, k: number, scratch: Float64Array): number {
  const heap = scratch.subarray(0, k);
  heap.set(values.subarray(0, k));
  for (let i = (k >> 1) - 1; i >= 0; i--) siftDown(heap, i);
  for (let i = k; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value <= (heap[0] ?? 0)) continue;
    heap[0] = value;
    siftDown(heap, 0);
  }
  return heap[0] ?? 0;
}

function siftDown(heap: Float64Array, start: number): void {
  const value = heap[start] ?? 0;
  let parent = start;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++;
    if ((heap[child] ?? 0) >= value) break;
    heap[parent] = heap[child] ?? 0;
    parent = child;
  }
  heap[parent] = value;
}
