import type { Prompt, PromptSegment } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { ModelDescription } from '@diptych/models';
import { type EncodedPrompt, imageNeighbours, type Segment, type Tokenizer } from '@diptych/text';
import { checkLayout, type WireLayout } from './check-layout.ts';

/**
 * A prompt up to this many times the context is tokenised whole, so that the error can say how long it is. What is
 * longer is refused on the way: splitting megabytes into tokens would hold up every stream.
 */
const COUNTED_CONTEXTS = 2;

/** What prompts are read with. */
export interface PromptReaderOptions {
  readonly model: Pick<ModelDescription, 'vision' | 'language' | 'expandImage'>;
  readonly tokenizer: Tokenizer;
  /** Most tokens of prompt and answer. */
  readonly capacity: number;
}

/** Turns prompts of the wire into token ids. */
export class PromptReader {
  readonly #options: PromptReaderOptions;

  constructor(options: PromptReaderOptions) {
    this.#options = options;
  }

  /**
   * Token ids of a prompt, each image replaced by the placeholders of its layout.
   *
   * @param layoutsPath where the layouts stand in the request, for error messages
   * @throws DiptychError `invalid_parameter`, `embedding_invalid`, `image_count_mismatch`, `context_length_exceeded`
   */
  read(prompt: Prompt | undefined, layouts: readonly WireLayout[], layoutsPath: string): EncodedPrompt {
    const { model, tokenizer, capacity } = this.#options;
    const segments = readSegments(prompt);
    const maxTokens = capacity * COUNTED_CONTEXTS;
    this.#checkLayouts(layouts, layoutsPath, maxTokens);
    const beside = imageNeighbours(segments);
    const expansions = layouts.map((layout, index) => model.expandImage(layout, beside.get(index)));
    try {
      return tokenizer.encodePrompt(segments, expansions, {
        imageTokenId: model.language.imageTokenId,
        maxTokens,
        addSpecialTokens: prompt?.addSpecialTokens,
      });
    } catch (error) {
      throw isTooLong(error) ? tooLong(maxTokens, capacity) : error;
    }
  }

  /** Rows are counted before layouts become text: a layout of a few bytes makes kilobytes of placeholders. */
  #checkLayouts(layouts: readonly WireLayout[], path: string, maxTokens: number): void {
    const { model, capacity } = this.#options;
    let rows = 0;
    for (const [index, layout] of layouts.entries()) {
      checkLayout(layout, model.vision, `${path}[${index}]`);
      rows += layout.tileTokens.reduce((sum, tokens) => sum + tokens, 0);
      if (rows > maxTokens) throw tooLong(maxTokens, capacity);
    }
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

function isTooLong(error: unknown): boolean {
  return error instanceof DiptychError && error.code === 'context_length_exceeded';
}

function tooLong(counted: number, capacity: number): DiptychError {
  return new DiptychError(
    'context_length_exceeded',
    `The prompt has more than ${counted} tokens, but the context is ${capacity} tokens. Shorten the conversation ` +
      'or send fewer images.',
    { param: 'messages' },
  );
}
