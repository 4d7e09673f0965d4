import { z } from 'zod';
import { MAX_IMAGES } from '../chat/limits.ts';
import { whole } from '../chat/sampling-ranges.ts';
import { ANSWER_FIELDS, refusedFields } from './answer-schema.ts';
import { imageUrl } from './message-schema.ts';
import type { RefusedParameters } from './parse-body.ts';
import { boolean, complaint, expecting, isText, list, number } from './schema-kinds.ts';

/** Most alternatives for each token: OpenAI's limit for completions. */
const MAX_LOGPROBS = 5;

/** Parameters of OpenAI's completions that are not supported, each with the reason. */
export const REFUSED_COMPLETION_PARAMETERS: RefusedParameters = {
  best_of: 'n answers are returned as they come',
  suffix: 'the model continues a prompt, it does not fill in',
};

/** A text. Clients that send lists send one text at a time in them; several are several requests. */
const prompt = z.union(
  [
    expecting('', isText),
    expecting(
      '',
      (value): value is [string] => Array.isArray(value) && value.length === 1 && isText(value[0]),
    ),
  ],
  { error: ({ input }) => promptComplaint(input) },
);

function promptComplaint(input: unknown): string {
  const [first] = Array.isArray(input) ? (input as unknown[]) : [];
  if (typeof first === 'number' || Array.isArray(first)) return 'is not supported as token ids: send text';
  if (Array.isArray(input) && input.length > 1 && input.every(isText))
    return 'is not supported as a list of several texts: send one request for each, side by side';
  return complaint('text of well-formed Unicode', input);
}

/** An image as text (or bytes, from this process), or as what chat takes for `image_url`. */
const image = z.preprocess(
  (value) => (typeof value === 'string' || value instanceof Uint8Array ? { url: value } : value),
  imageUrl,
);

/** The body of `POST /v1/completions`. */
export const completionSchema = z.strictObject({
  ...refusedFields(REFUSED_COMPLETION_PARAMETERS),
  ...ANSWER_FIELDS,
  prompt,
  images: list('images', MAX_IMAGES).pipe(z.array(image)).nullish(),
  logprobs: number(whole(0, MAX_LOGPROBS)),
  echo: z.literal(false, { error: 'is not supported: answers do not repeat the prompt' }).nullish(),
  add_special_tokens: boolean,
});

/** A body of the right shape. */
export type CompletionBody = z.infer<typeof completionSchema>;
