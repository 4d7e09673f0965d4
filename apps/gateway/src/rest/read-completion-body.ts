import { DiptychError } from '@diptych/errors';
import type { Segment } from '@diptych/text';
import type { AnswerParameters, RawPrompt } from '../chat/answer-job.ts';
import { checkModel } from '../chat/check-model.ts';
import { type FieldNames, RAW_PROMPT_NAMES } from '../chat/field-names.ts';
import { characters } from './completion-logprobs.ts';
import { completionSchema, REFUSED_COMPLETION_PARAMETERS } from './completion-schema.ts';
import { type BodyOptions, parseBody } from './parse-body.ts';
import { readImage } from './read-image.ts';
import { readSampling } from './read-sampling.ts';
import { readStreaming, type Streaming } from './read-streaming.ts';

/** OpenAI's default for completions. */
const DEFAULT_MAX_TOKENS = 16;

/** A completion request that may be answered. */
export interface CompletionCall extends Streaming {
  readonly job: RawPrompt & AnswerParameters;
  /** Characters of the prompt. */
  readonly promptLength: number;
  readonly fieldNames: FieldNames;
}

/** What a body is measured against. */
export interface CompletionOptions extends BodyOptions {
  /** The literal that stands for an image in a prompt. */
  readonly imageToken: string;
}

/**
 * Reads the parsed body of `POST /v1/completions`.
 *
 * @throws DiptychError `malformed_request`, `invalid_parameter`, `unsupported_parameter`, `model_not_found`,
 * `image_count_mismatch` or one of the other image codes, with the path of the field at fault as `param`.
 */
export function readCompletionBody(value: unknown, options: CompletionOptions): CompletionCall {
  const body = parseBody(value, completionSchema, REFUSED_COMPLETION_PARAMETERS);
  checkModel(body.model, options.model);
  const { max_tokens: maxTokens, logprobs, images: given } = body;
  const sampling = readSampling(body, { maxTokens: maxTokens ?? DEFAULT_MAX_TOKENS, logprobs });
  const streaming = readStreaming(body);
  const text = [body.prompt].flat().join('');
  const segments = placeImages(text, given?.length ?? 0, options.imageToken);
  const images = (given ?? []).map((image, index) =>
    readImage(image, { ...options, param: `images[${index}]` }),
  );
  return {
    ...streaming,
    job: {
      segments,
      images,
      addSpecialTokens: body.add_special_tokens ?? true,
      sampling,
      choices: body.n ?? 1,
      cacheSalt: body.cache_salt ?? '',
    },
    promptLength: characters(text),
    fieldNames: RAW_PROMPT_NAMES,
  };
}

/** Cuts a raw prompt at its image placeholders. @throws DiptychError `image_count_mismatch` with both counts. */
function placeImages(text: string, images: number, imageToken: string): Segment[] {
  const texts = text.split(imageToken);
  const places = texts.length - 1;
  if (places !== images) {
    throw new DiptychError(
      'image_count_mismatch',
      `prompt has ${places} image placeholders ${imageToken}, but images has ${images}; there must be one image for ` +
        'each placeholder, in order.',
      { param: 'images' },
    );
  }
  return texts.flatMap((piece, index): Segment[] => {
    const rest: Segment = { kind: 'template', text: piece };
    return index === 0 ? [rest] : [{ kind: 'image', index: index - 1 }, rest];
  });
}
