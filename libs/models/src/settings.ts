import { z } from 'zod';

/** A field that takes its default where it is absent or null; configurations use both for "not set". */
export function withDefault<T extends z.ZodType>(schema: T, value: z.output<T>) {
  return schema.nullish().transform((given): z.output<T> => given ?? value);
}

/** A field that is undefined where it is absent or null. */
export function maybe<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((given): z.output<T> | undefined => given ?? undefined);
}

/** A size or a count: a whole number from 1. */
export const count = z.int().min(1);

/** A token id. */
export const tokenId = z.int().min(0);

/** One token id or several, as a list. */
export const tokenIds = z.union([tokenId.transform((id) => [id]), z.array(tokenId)]);

/** An edge in pixels, given once or as an equal pair of height and width. */
export const squareEdge = z.union([
  count,
  z
    .array(count)
    .refine((sides) => sides.length === 2 && sides[0] === sides[1], 'must be one number or two equal ones')
    .transform((sides) => sides[0] ?? 0),
]);
