import { availableParallelism } from 'node:os';

/**
 * Threads that a decoder may use: as many as are wanted, but no more than the model has query heads.
 *
 * With more threads than heads, ONNX Runtime's attention cuts the cache of a sequence that is alone into parts and
 * adds those up, which it does not in a batch: the same request would then differ in its last bits by who runs beside
 * it. Reading a cache is bound by memory long before there are that many threads.
 *
 * @param wanted As many as the processor runs where left out.
 */
export function decoderThreads(wanted: number | undefined, heads: number): number {
  return Math.min(wanted ?? availableParallelism(), heads);
}
