import type { Prompt, PromptSegment } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { Model } from '@diptych/models';
import type { EncodedPrompt, Segment, Tokenizer } from '@diptych/text';
import { checkLayout, type WireLayout } from './check-layout.ts';

/** What prompts are read with. */
export interface PromptReaderOptions {
  readonly model: Pick<Model, 'vision' | 'language' | 'expandImage'>;
  readonly tokenizer: Tokenizer;
  /** Most tokens of prompt and answer. */
  readonly capacity: number;
}

/** Turns prompts of the wire into token ids. */
export class PromptReader {
  readonly #options: PromptReaderOptions;
  readonly #longestToken: number;

  constructor(options: PromptReaderOptions) {
    this.#options = options;
    this.#longestToken = longestTokenBytes(options.tokenizer);
  }

  /**
   * Token ids of a prompt, each image replaced by the placeholders of its layout.
   *
   * @param layoutsPath where the layouts stand in the request, for error messages
   * @throws DiptychError `invalid_parameter`, `embedding_invalid`, `image_count_mismatch`, `context_length_exceeded`
   */
  read(prompt: Prompt | undefined, layouts: readonly WireLayout[], layoutsPath: string): EncodedPrompt {
    const { model, tokenizer } = this.#options;
    const segments = readSegments(prompt);
    this.#checkLength(segments);
    const expansions = layouts.map((layout, index) => {
      checkLayout(layout, model.vision.tokensPerTile, `${layoutsPath}[${index}]`);
      return model.expandImage(layout);
    });
    return tokenizer.encodePrompt(segments, expansions, { imageTokenId: model.language.imageTokenId });
  }

  /** Refuses what is too long by its bytes alone: splitting megabytes into tokens would hold up every stream. */
  #checkLength(segments: readonly Segment[]): void {
    const { capacity } = this.#options;
    const bytes = segments.reduce((sum, segment) => sum + textBytes(segment), 0);
    const least = Math.ceil(bytes / this.#longestToken);
    if (least <= capacity) return;
    throw new DiptychError(
      'context_length_exceeded',
      `The prompt has at least ${least} tokens, but the context is ${capacity} tokens. Shorten the conversation.`,
      { param: 'messages' },
    );
  }
}

function readSegments(prompt: Prompt | undefined): Segment[] {
  if (prompt === undefined || prompt.segments.length === 0) {
    throw new DiptychError('invalid_parameter', 'prompt.segments is empty; send at least one segment.', {
      param: 'prompt.segments',
    });
  }
  return prompt.segments.map(readSegment);
}

function readSegment({ segment }: PromptSegment, index: number): Segment {
  switch (segment.case) {
    case 'templateText':
      return { kind: 'template', text: segment.value };
    case 'userText':
      return { kind: 'user', text: segment.value };
    case 'imageIndex':
      return { kind: 'image', index: segment.value };
    case undefined: {
      const param = `prompt.segments[${index}]`;
      throw new DiptychError(
        'invalid_parameter',
        `${param} is empty; set template_text, user_text or image_index.`,
        { param },
      );
    }
  }
}

function textBytes(segment: Segment): number {
  return segment.kind === 'image' ? 0 : Buffer.byteLength(segment.text);
}

function longestTokenBytes(tokenizer: Tokenizer): number {
  let longest = 1;
  for (let id = 0; id < tokenizer.vocabSize; id += 1)
    longest = Math.max(longest, tokenizer.tokenBytes(id).length);
  return longest;
}
