/** A JSON object of a checkpoint's configuration, as the hub has it. */
export type Json = Readonly<Record<string, unknown>>;

/** A special token, and the id that the model was trained with. */
export interface SpecialToken {
  readonly content: string;
  readonly id: number;
}

/** Sizes of a vision tower in the manner of SigLIP. */
export interface TowerSizes {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly patch: number;
  /** Rows of the table of position embeddings. */
  readonly positions: number;
}

/** Sizes of a decoder in the manner of Llama and Mistral, with an untied head. */
export interface DecoderSizes {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
}

/** What joins tower and decoder. */
export type ConnectorSizes =
  | { readonly kind: 'pixel-shuffle'; readonly scale: number }
  | {
      readonly kind: 'perceiver';
      readonly latents: number;
      readonly depth: number;
      readonly heads: number;
      readonly kvHeads: number;
      readonly headDim: number;
    };

/** A published model without its weights: its configuration, and what its tensors are named and shaped. */
export interface Shape {
  /** Name for the command line and for folders. */
  readonly name: string;
  /** Repository on the hub. */
  readonly repository: string;
  /** The small files that it has there, by name. */
  readonly files: Readonly<Record<string, Json>>;
  readonly tower: TowerSizes;
  readonly connector: ConnectorSizes;
  readonly decoder: DecoderSizes;
  /** Standard deviation that its weights were initialised with. */
  readonly initializerRange: number;
  /** Special tokens of its tokeniser. */
  readonly specialTokens: readonly SpecialToken[];
  /** Whether its tokeniser puts the start token before a prompt; otherwise its template writes it. */
  readonly addsStartToken: boolean;
  /** What `tokenizer_config.json` names. */
  readonly startToken: string;
  readonly endToken: string;
}

/** A row of `rows` x `columns` tiles is announced by one token each: `<row_1_col_1>`, `<row_1_col_2>`, ... */
export function tileTokens(firstId: number, rows: number, columns: number): SpecialToken[] {
  return Array.from({ length: rows * columns }, (_, index) => ({
    content: `<row_${Math.floor(index / columns) + 1}_col_${(index % columns) + 1}>`,
    id: firstId + index,
  }));
}
