/**
 * One piece of a prompt. Special tokens are recognised in template text only; user text is ordinary
 * characters, whatever it spells; an image stands for the expansion of the request's image `index`.
 */
export type Segment =
  | { readonly kind: 'template'; readonly text: string }
  | { readonly kind: 'user'; readonly text: string }
  | { readonly kind: 'image'; readonly index: number };

/** A prompt as the language model reads it. */
export interface EncodedPrompt {
  readonly ids: Int32Array<ArrayBuffer>;
  /** Positions in `ids` of the image placeholder tokens, ascending: one for each feature row. */
  readonly imagePositions: Int32Array<ArrayBuffer>;
  /** The images in order of appearance, each with its part of `ids` and of `imagePositions`. */
  readonly images: readonly PromptImage[];
}

/** Where one image stands in a prompt. */
export interface PromptImage {
  /** Index into the request's images. */
  readonly index: number;
  /** The image's placeholders are `imagePositions[firstRow]` to `imagePositions[firstRow + rows - 1]`. */
  readonly firstRow: number;
  readonly rows: number;
}
