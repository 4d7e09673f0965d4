import { z } from 'zod';
import type { Range } from '../chat/sampling-ranges.ts';

/** Longest text that an error repeats. */
const MAX_SHOWN = 40;

/** A value for which `test` holds; the error says what was expected. */
export function expecting<T>(expected: string, test: (value: unknown) => value is T) {
  return z.custom<T>(test, { error: ({ input }) => complaint(expected, input) });
}

/** An optional number. */
export function number({ expected, accepts }: Range) {
  return expecting(
    expected,
    (value): value is number => typeof value === 'number' && accepts(value),
  ).nullish();
}

/** An optional switch. */
export const boolean = expecting('true or false', (value) => typeof value === 'boolean').nullish();

/** Text that survives the way to the tokeniser: no half of a surrogate pair. */
export const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed();

/** Any such text. */
export const text = expecting('text of well-formed Unicode', isText);

/** Such text that is not empty. */
export const name = expecting(
  'text that is not empty',
  (value): value is string => isText(value) && value !== '',
);

/** A list of a length that bounds the work of looking at its items. */
export function list(items: string, max: number) {
  return expecting(
    `a list of 1 to ${max} ${items}`,
    (value): value is unknown[] => Array.isArray(value) && value.length >= 1 && value.length <= max,
  );
}

/** The error of an object schema for what is no object; unknown fields keep their own. */
export function anObject(shape: string) {
  return {
    error: ({ code, input }: { readonly code: string; readonly input?: unknown }) =>
      code === 'invalid_type' ? complaint(`an object ${shape}`, input) : undefined,
  };
}

/** What is wrong with a value, to follow the field's name. Long values and structures are not repeated. */
export function complaint(expected: string, input: unknown): string {
  if (input === undefined) return `is missing: it must be ${expected}`;
  return `must be ${expected}${isShort(input) ? `, got ${JSON.stringify(input)}` : ''}`;
}

function isShort(input: unknown): boolean {
  if (typeof input === 'string') return input.length <= MAX_SHOWN;
  return typeof input === 'number' || typeof input === 'boolean';
}
