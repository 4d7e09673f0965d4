import { DiptychError } from '@diptych/errors';
import { assertWellFormed } from './well-formed.ts';

/** What a stop matcher lets through. */
export interface StopResult {
  /** Text that cannot be part of a stop string. */
  readonly text: string;
  /** The stop string that ended the answer; nothing may be pushed after it. */
  readonly stopped?: string;
}

/**
 * Cuts a stream of text at the first stop string, which is not part of the text. The first is the one that is complete
 * first; of those that end at the same character, the longest. Text that may begin a stop string is held back until it is
 * clear, so the result does not depend on how the text was cut into pieces.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = '';

  /** Throws `invalid_parameter` for a stop string that is empty or not well-formed Unicode. */
  constructor(stops: readonly string[]) {
    stops.forEach(checkStop);
    this.#stops = stops;
  }

  push(text: string): StopResult {
    const pending = this.#held + text;
    const match = firstMatch(pending, this.#stops);
    const clear = match ? match.start : pending.length - heldLength(pending, this.#stops);
    this.#held = match ? '' : pending.slice(clear);
    return { text: pending.slice(0, clear), ...(match && { stopped: match.stop }) };
  }

  /** What was held back, once no more text comes. */
  finish(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }
}

interface Match {
  readonly stop: string;
  readonly start: number;
  readonly end: number;
}

function firstMatch(text: string, stops: readonly string[]): Match | undefined {
  const matches = stops
    .map((stop) => ({ stop, start: text.indexOf(stop) }))
    .filter(({ start }) => start >= 0)
    .map(({ stop, start }) => ({ stop, start, end: start + stop.length }));
  return matches.toSorted((a, b) => a.end - b.end || a.start - b.start)[0];
}

/** Length of the longest end of a text that begins a stop string. */
function heldLength(text: string, stops: readonly string[]): number {
  return Math.max(0, ...stops.map((stop) => overlap(text, stop)));
}

function overlap(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}

function checkStop(stop: string, index: number): void {
  const param = `stop[${index}]`;
  if (stop === '')
    throw new DiptychError('invalid_parameter', `${param} is empty; send at least one character.`, { param });
  assertWellFormed(stop, param);
}
