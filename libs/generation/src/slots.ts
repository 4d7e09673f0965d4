import assert from 'node:assert/strict';
import { type CacheContents, commonPrefix, type PlacedRow } from './prefix.ts';

/** A sequence that wants a slot: its prompt's tokens and feature rows. */
export interface SlotRequest extends CacheContents {
  readonly salt: string;
}

/** The right to use one slot, until it is released. */
export interface SlotLease {
  readonly slot: number;
  /** Tokens at the front of the request that the slot held already. */
  readonly cached: number;
  /** Another slot, in use or not, that holds more of the request's front by now; `length`: worth copying at once. */
  richer(): { readonly slot: number; readonly length: number } | undefined;
  /** Notes token ids whose keys and values the slot now holds, after those before. */
  append(ids: Int32Array): void;
  /**
   * Gives the slot back; again and later it does nothing. `keep` leaves the contents for sequences with the same
   * prefix; without it they are forgotten (after a failure nobody knows what the slot holds).
   */
  release(options: { readonly keep: boolean }): void;
}

/**
 * The slots of the KV cache: who uses which, and what prompts the unused ones still hold.
 *
 * A sequence starts in the unused slot with the longest common prefix of token ids and image digests, within its
 * cache salt. A prefix that would spare little is no reason to overwrite another conversation: then it is one of the
 * slots that were used least recently (empty ones before all), and gets a copy of what another holds of the prompt. A
 * step computes every slot between the first and the last that decode, so of the half that was used longest ago the one
 * nearest to those in use is taken.
 */
export class SlotTable {
  readonly #slots: Slot[];
  #clock = 0;

  constructor(count: number, capacity: number) {
    this.#slots = Array.from({ length: count }, (_, index) => emptySlot(index, capacity));
  }

  /** Number of slots that nobody uses. */
  get free(): number {
    return this.#slots.filter((slot) => !slot.busy).length;
  }

  /** Takes a slot, or `undefined` where all are in use. At least the last token is left to be computed. */
  acquire(request: SlotRequest): SlotLease | undefined {
    const offers = this.#slots.filter((slot) => !slot.busy).map((slot) => offer(slot, request));
    const chosen = worthwhile(offers, request.ids.length) ?? nearest(olderHalf(offers), this.#inUse);
    return chosen && this.#lease(chosen, request);
  }

  /** First and last slot in use; undefined where none is. */
  get #inUse(): SlotSpan | undefined {
    const busy = this.#slots.filter((slot) => slot.busy);
    const [first, last] = [busy[0], busy.at(-1)];
    return first && last && { first: first.index, last: last.index };
  }

  #lease({ slot, match }: Offer, request: SlotRequest): SlotLease {
    const cached = Math.min(match, request.ids.length - 1);
    Object.assign(slot, { busy: true, length: cached, salt: request.salt, rows: request.rows });
    let released = false;
    return {
      slot: slot.index,
      cached,
      richer: () => (released ? undefined : this.#richer(slot, request)),
      append: (ids) => {
        assert.ok(!released, 'the slot was released');
        slot.ids.set(ids, slot.length);
        slot.length += ids.length;
      },
      release: ({ keep }) => {
        if (released) return;
        released = true;
        Object.assign(slot, { busy: false, lastUsed: keep ? ++this.#clock : 0 });
        if (!keep) slot.length = 0;
      },
    };
  }

  #richer(own: Slot, request: SlotRequest): { slot: number; length: number } | undefined {
    const offers = this.#slots.filter((slot) => slot !== own).map((slot) => offer(slot, request));
    const best = offers.reduce<Offer | undefined>((a, b) => (b.match > (a?.match ?? 0) ? b : a), undefined);
    const whole = Math.min(best?.match ?? 0, request.ids.length - 1);
    if (best === undefined || whole < own.length + LEAST_COPY) return undefined;
    return { slot: best.slot.index, length: Math.min(whole, own.length + MOST_COPY) };
  }
}

/** Copying fewer rows than kernels compute at once spares nothing. */
const LEAST_COPY = 16;

/** Rows to copy at once: 1,000 of a model of 46 KB a row took 20 ms, for which neither streams nor the event loop wait. */
const MOST_COPY = 256;

/**
 * Part of a prompt that a match must spare to be worth the contents of a slot. Prompts of one model all begin with
 * the same few template tokens; those alone shall not cost another conversation its cache.
 */
const WORTHWHILE_SHARE = 0.25;

interface Slot {
  readonly index: number;
  /** Token ids in the cache: the first `length` are valid. */
  readonly ids: Int32Array;
  length: number;
  rows: readonly PlacedRow[];
  salt: string;
  busy: boolean;
  /** Counts up with each release; 0 where the slot is empty. */
  lastUsed: number;
}

interface SlotSpan {
  readonly first: number;
  readonly last: number;
}

interface Offer {
  readonly slot: Slot;
  readonly match: number;
}

function emptySlot(index: number, capacity: number): Slot {
  return { index, ids: new Int32Array(capacity), length: 0, rows: [], salt: '', busy: false, lastUsed: 0 };
}

function offer(slot: Slot, request: SlotRequest): Offer {
  const held = { ids: slot.ids.subarray(0, slot.length), rows: slot.rows };
  return { slot, match: slot.salt === request.salt ? commonPrefix(held, request) : 0 };
}

function worthwhile(offers: readonly Offer[], promptLength: number): Offer | undefined {
  const longest = offers.toSorted((a, b) => b.match - a.match)[0];
  return longest && longest.match >= WORTHWHILE_SHARE * promptLength ? longest : undefined;
}

/** Those that were used longest ago, the longest ago first. */
function olderHalf(offers: readonly Offer[]): readonly Offer[] {
  return offers.toSorted((a, b) => a.slot.lastUsed - b.slot.lastUsed).slice(0, Math.ceil(offers.length / 2));
}

/** The first of those that lie nearest to the span, or within it. */
function nearest(offers: readonly Offer[], span: SlotSpan | undefined): Offer | undefined {
  if (span === undefined) return offers[0];
  const distance = ({ slot }: Offer) => Math.max(span.first - slot.index, slot.index - span.last, 0);
  return offers.toSorted((a, b) => distance(a) - distance(b))[0];
}
