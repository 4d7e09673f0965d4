import type { CompleteRequest, PromptPart } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { Segment } from '@diptych/text';
import type { ImageInput, RawPrompt } from '../chat/answer-job.ts';
import { MAX_IMAGES, MAX_PARTS } from '../chat/limits.ts';
import { invalid } from './invalid.ts';
import { type ImageOptions, readImage } from './read-image.ts';

/** What a prompt is measured against. */
export interface RawPromptOptions extends ImageOptions {
  /** The literal that stands for an image in a rendered prompt. */
  readonly imageToken: string;
}

/**
 * Reads the prompt of a gRPC request.
 *
 * @throws DiptychError `invalid_parameter`, `image_count_mismatch` or one of the other image codes, with the field's path
 *   as `param`.
 */
export function readRawPrompt(
  { prompt, addSpecialTokens = true }: CompleteRequest,
  options: RawPromptOptions,
): RawPrompt {
  if (prompt.length === 0 || prompt.length > MAX_PARTS)
    throw invalid('prompt', `must be 1 to ${MAX_PARTS} parts`);
  const images: ImageInput[] = [];
  const segments = prompt.map(({ part }, index) =>
    readPart(part, `prompt[${index}]`, { ...options, images }),
  );
  return { segments, images, addSpecialTokens };
}

interface Reading extends RawPromptOptions {
  readonly images: ImageInput[];
}

function readPart(part: PromptPart['part'], param: string, { images, ...options }: Reading): Segment {
  switch (part.case) {
    case undefined:
      throw invalid(param, 'must hold raw_text, user_text, image or image_url');
    case 'rawText':
      refusePlaceholders(part.value, param, options.imageToken);
      return { kind: 'template', text: part.value };
    case 'userText':
      return { kind: 'user', text: part.value };
    default:
      if (images.length === MAX_IMAGES)
        throw invalid(param, `is one image too many: up to ${MAX_IMAGES} are accepted`);
      images.push(readImage(part, param, options));
      return { kind: 'image', index: images.length - 1 };
  }
}

/** Images have parts of their own here, so a placeholder in a text has none. */
function refusePlaceholders(text: string, param: string, imageToken: string): void {
  if (!text.includes(imageToken)) return;
  throw new DiptychError(
    'image_count_mismatch',
    `${param}.raw_text holds the image placeholder ${imageToken}; send each image as a part in its place instead.`,
    { param: `${param}.raw_text` },
  );
}
