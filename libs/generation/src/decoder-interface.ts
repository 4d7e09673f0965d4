/** Rows of image features and the places where they replace token embeddings. */
export interface ImageRows {
  /** Features, `[positions.length, hiddenSize]`, one row for each position. Only read during the step. */
  readonly rows: Float32Array;
  /** Indices into the step's `ids`, each the place of an image placeholder token. */
  readonly positions: Int32Array;
}

/** Part of a prompt that goes into one slot. */
export interface PrefillStep {
  readonly slot: number;
  /** Tokens of this sequence that the slot already holds; the first id gets this position. */
  readonly past: number;
  /** Token ids of positions `past` to `past + ids.length - 1`. At least one. */
  readonly ids: Int32Array;
  readonly images: ImageRows;
  /** Where given, filled with the logits of the last positions, as many as it has rows of `vocabSize`. */
  readonly logits?: Float32Array;
}

/** The next token of one sequence. */
export interface DecodeEntry {
  readonly slot: number;
  /** Tokens that the slot already holds; the id gets this position. */
  readonly past: number;
  readonly id: number;
}

/** Positions of one slot that another shall hold too. */
export interface CopyStep {
  readonly from: number;
  readonly to: number;
  /** First position. */
  readonly start: number;
  /** Behind the last position. */
  readonly end: number;
}

/**
 * A language model over a KV cache of fixed slots, each a contiguous region that holds one sequence.
 *
 * Steps run one at a time in the order of the calls. What a sequence gets never depends on the other slots, nor on
 * how its prompt was cut into steps. A token's decode and its prefill agree to rounding only (about 1e-6 of the
 * largest logit), as kernels add up one row in another order than several.
 *
 * A slot keeps its contents until they are overwritten: a step with a smaller `past` continues from a prefix of what
 * is there, and the rest is forgotten.
 */
export interface Decoder extends Disposable {
  /** Number of slots. */
  readonly slots: number;
  /** Tokens that a slot can hold. */
  readonly capacity: number;
  /** Length of one row of logits. */
  readonly vocabSize: number;
  /**
   * Runs `ids` at positions `[past, past + ids.length)` of a slot.
   *
   * @throws DiptychError `runtime_failed` where the runtime reports an error; other slots keep their contents.
   */
  prefill(step: PrefillStep): Promise<void>;
  /**
   * Runs one token for each entry in one batched step. Row `i` of `logits` (`[entries.length, vocabSize]`, may be
   * longer) belongs to entry `i`. No slot may occur twice.
   *
   * @throws DiptychError `runtime_failed` where the runtime reports an error; other slots keep their contents.
   */
  decode(entries: readonly DecodeEntry[], logits: Float32Array): Promise<void>;
  /** Copies what a slot holds at some positions into another, as if it had been computed there. */
  copy(step: CopyStep): Promise<void>;
}
