/**
 * Guesses how a sequence goes on: as it went on when its last tokens stood in it before. Answers that quote, edit or
 * repeat are guessed well, and a wrong guess costs a little time, never a token.
 *
 * Guesses are a function of the sequence's own tokens and of which guesses were right before, so a stream that is
 * resumed elsewhere is guessed the same.
 *
 * Source: Saxena, "Prompt Lookup Decoding" (2023).
 */
export class PromptLookup {
  readonly #tokens: Int32Array;
  readonly #most: number;
  /** For each group of `GROUP` tokens, by hash, the index behind where it stood last. */
  readonly #behind = new Map<number, number>();
  #indexed = GROUP - 1;
  #pause = 0;
  #resumesAt = 0;

  /**
   * @param tokens the sequence, which grows in place
   * @param most tokens of one guess
   */
  constructor(tokens: Int32Array, most: number) {
    this.#tokens = tokens;
    this.#most = most;
  }

  /** At most `limit` tokens that may follow the first `length`, which all later calls must at least have. */
  guess(length: number, limit: number): Int32Array {
    this.#index(length);
    const from = this.#find(length);
    const count = Math.min(this.#most, limit);
    if (from === undefined || count < 1 || length < this.#resumesAt) return NOTHING;
    const period = length - from;
    return Int32Array.from({ length: count }, (_, i) => this.#tokens[from + (i % period)] ?? 0);
  }

  /** Notes how many tokens of a guess were right. After bad ones no guess is made for a while, longer each time. */
  checked({
    guessed,
    right,
    length,
  }: {
    readonly guessed: number;
    readonly right: number;
    readonly length: number;
  }): void {
    const isGood = right >= WORTHWHILE_SHARE * guessed;
    this.#pause = isGood ? 0 : Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, 2 * this.#pause));
    this.#resumesAt = length + this.#pause;
  }

  /** Indexes every group that has a token behind it. */
  #index(length: number): void {
    for (; this.#indexed + 1 < length; this.#indexed++)
      this.#behind.set(this.#hash(this.#indexed + 1), this.#indexed + 1);
  }

  #find(length: number): number | undefined {
    if (length < GROUP) return undefined;
    const behind = this.#behind.get(this.#hash(length));
    if (behind === undefined) return undefined;
    for (let back = 1; back <= GROUP; back++)
      if (this.#tokens[behind - back] !== this.#tokens[length - back]) return undefined;
    return behind;
  }

  /** Of the group that ends before `end`. Groups of one hash displace each other. */
  #hash(end: number): number {
    let hash = 0;
    for (let back = GROUP; back >= 1; back--)
      hash = (Math.imul(hash, HASH_FACTOR) + (this.#tokens[end - back] ?? 0)) | 0;
    return hash;
  }
}

/** Tokens that must have stood together before: fewer occur by chance, more are rarely found again. */
const GROUP = 3;

/** Part of a guess that must be right: below, running it takes longer than the tokens it spares. */
const WORTHWHILE_SHARE = 0.5;

/** Tokens without a guess after a bad one, and after many bad ones. */
const FIRST_PAUSE = 4;
const LONGEST_PAUSE = 64;

/** Odd and large: Knuth's multiplicative hash. */
const HASH_FACTOR = 0x9e3779b1;

const NOTHING = new Int32Array();
