import { z } from 'zod';
import { MAX_PARTS } from '../chat/limits.ts';
import { anObject, complaint, expecting, isText, list, text } from './schema-kinds.ts';

const detail = z.enum(['auto', 'low', 'high'], {
  error: ({ input }) => complaint('"auto", "low" or "high"', input),
});

/** Text, or the bytes themselves, which no JSON can hold: those of a caller in this process. */
const textOrBytes = expecting(
  'text of well-formed Unicode',
  (value): value is string | Uint8Array => isText(value) || value instanceof Uint8Array,
);

/** What stands for an image: an address, a data URI or base64, and how closely it is looked at. */
export const imageUrl = z.strictObject(
  { url: textOrBytes, detail: detail.nullish() },
  anObject('with the field url'),
);

/** An image of a body, read. */
export type BodyImage = z.infer<typeof imageUrl>;

const part = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text'), text }),
    z.strictObject({ type: z.literal('image_url'), image_url: imageUrl }),
  ],
  {
    error: ({ input }) =>
      typeof field(input, 'type') === 'string'
        ? 'is not supported: parts are "text" or "image_url"'
        : complaint('an object whose type is "text" or "image_url"', undefinedIfObject(input)),
  },
);

/** A string is short for one text part. */
const content = z.preprocess(
  (value) => (typeof value === 'string' ? [{ type: 'text', text: value }] : value),
  list('parts, or a string', MAX_PARTS).pipe(z.array(part)),
);

/** What an assistant message of an answer carries besides its text; clients send it back as it came. */
const EMPTY_ANSWER_FIELDS = Object.fromEntries(
  ['refusal', 'audio', 'function_call', 'tool_calls'].map((field) => [
    field,
    z.null({ error: 'is not supported: what an assistant said is text' }).optional(),
  ]),
);

/** One of `messages`. */
export const message = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.enum(['system', 'developer', 'user']), content }),
    z.strictObject({ role: z.literal('assistant'), content, ...EMPTY_ANSWER_FIELDS }),
  ],
  {
    error: ({ input }) =>
      isObject(input)
        ? complaint('one of "system", "developer", "user", "assistant"', field(input, 'role'))
        : complaint('an object with role and content', input),
  },
);

/** One of `messages`, read. */
export type BodyMessage = z.infer<typeof message>;

function isObject(input: unknown): input is object {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

function field(input: unknown, name: string): unknown {
  return isObject(input) ? Reflect.get(input, name) : undefined;
}

function undefinedIfObject(input: unknown): unknown {
  return isObject(input) ? undefined : input;
}
