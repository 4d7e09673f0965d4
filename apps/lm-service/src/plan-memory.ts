import { DiptychError } from '@diptych/errors';
import { type MemoryNeeds, type ModelMemory, memoryNeeds } from './memory-needs.ts';

/** What a user asked for; what is undefined is chosen to fit. */
export interface WantedSizes {
  readonly slots: number | undefined;
  readonly context: number | undefined;
}

/** Sizes that fit into the memory, and what they need. */
export interface MemoryPlan {
  /** Sequences that are under way at once. */
  readonly slots: number;
  /** Most tokens of one. */
  readonly context: number;
  readonly needs: MemoryNeeds;
  /** The sum in words: `weights 162 MiB + cache 1440 MiB (4 slots x ...) + runtime 272 MiB = 1874 MiB`. */
  readonly arithmetic: string;
}

/** Tokens of a slot where nobody says: longer contexts of a model are rarely used and cost memory for each slot. */
const USUAL_CONTEXT = 8192;

/** A context below this is nothing that anybody would choose for want of memory: it holds no large image. */
const LEAST_CONTEXT = 2048;

/** Slots where nobody says and memory abounds: a step of 16 sequences costs little more than one of a single one. */
const MOST_SLOTS = 16;

/** The part of the memory beside the weights that a cache takes unasked: other processes want some too. */
const CACHE_SHARE = 0.5;

/**
 * Decides how many slots of how many tokens a decoder gets. What the user said stays; the rest is chosen to fit:
 * first fewer slots than usual, then a shorter context.
 *
 * @param availableBytes what the process may take, before weights are loaded
 * @throws DiptychError `insufficient_memory`, with the sum and what to change, where that is not enough;
 * `configuration_invalid` where the context is longer than the model's
 */
export function planMemory(model: ModelMemory, wanted: WantedSizes, availableBytes: number): MemoryPlan {
  checkContext(wanted.context, model.maxContext);
  const sizes = chooseSizes(model, wanted, availableBytes);
  const needs = memoryNeeds(model, sizes);
  const arithmetic = inWords(model, sizes, needs);
  if (needs.totalBytes > availableBytes) throw tooLarge(arithmetic, availableBytes);
  return { ...sizes, needs, arithmetic };
}

function chooseSizes(model: ModelMemory, wanted: WantedSizes, availableBytes: number) {
  const free = availableBytes - memoryNeeds(model, { slots: 0, context: 0 }).totalBytes;
  const usual = wanted.context ?? Math.min(model.maxContext, USUAL_CONTEXT);
  const fitting = Math.floor((free * CACHE_SHARE) / (usual * model.bytesPerToken));
  const slots = wanted.slots ?? Math.max(1, Math.min(MOST_SLOTS, fitting));
  if (wanted.context !== undefined) return { slots, context: wanted.context };
  const longest = Math.floor(free / (slots * model.bytesPerToken));
  return { slots, context: Math.min(usual, Math.max(LEAST_CONTEXT, longest)) };
}

function checkContext(wanted: number | undefined, maxContext: number): void {
  if (wanted === undefined || wanted <= maxContext) return;
  throw new DiptychError(
    'configuration_invalid',
    `--context must be at most ${maxContext}, the context of this model, got ${wanted}`,
    { param: '--context' },
  );
}

function inWords(
  { bytesPerToken }: ModelMemory,
  { slots, context }: { readonly slots: number; readonly context: number },
  { weightBytes, cacheBytes, runtimeBytes, totalBytes }: MemoryNeeds,
): string {
  const cache = `${slots} slots x ${context} tokens x ${bytesPerToken} bytes`;
  return (
    `weights ${mebibytes(weightBytes)} + cache ${mebibytes(cacheBytes)} (${cache}) + ` +
    `runtime ${mebibytes(runtimeBytes)} = ${mebibytes(totalBytes)}`
  );
}

function tooLarge(arithmetic: string, availableBytes: number): DiptychError {
  return new DiptychError(
    'insufficient_memory',
    `The model does not fit: ${arithmetic}, but this process may take ${mebibytes(availableBytes)}. Start with ` +
      'fewer --slots, a shorter --context or smaller --weights (int4 is the smallest), or give it more memory.',
  );
}

function mebibytes(bytes: number): string {
  return `${Math.max(0, Math.ceil(bytes / 2 ** 20))} MiB`;
}
