import { z } from 'zod';

/** One setting: how its text is read, and what `--help` says about it. */
export interface Setting<T> {
  /** Reads the text of a flag or variable; `undefined` is one that was not given. */
  readonly schema: z.ZodType<T>;
  /** One line for `--help`. */
  readonly description: string;
  /** Stands for the value in `--help`, for example `FOLDER`; empty for a flag that takes no value. */
  readonly placeholder: string;
}

/** A setting of any zod schema over text. */
export function setting<T>(schema: z.ZodType<T>, placeholder: string, description: string): Setting<T> {
  return { schema, placeholder, description };
}

/** Text that is not empty. */
export function text(description: string): Setting<string | undefined>;
export function text(
  description: string,
  options: { fallback: string } | { required: true },
): Setting<string>;
export function text(description: string, options: Optionality<string> = {}): Setting<string | undefined> {
  return setting(withDefault(nonEmpty, options), 'TEXT', description);
}

/** A path of a folder; not looked at here. */
export function folder(description: string): Setting<string | undefined>;
export function folder(
  description: string,
  options: { fallback: string } | { required: true },
): Setting<string>;
export function folder(description: string, options: Optionality<string> = {}): Setting<string | undefined> {
  return setting(withDefault(nonEmpty, options), 'FOLDER', description);
}

/** A path of a file; not looked at here. */
export function file(description: string): Setting<string | undefined> {
  return setting(withDefault(nonEmpty, {}), 'FILE', description);
}

/** A checkpoint, as its folder or as a repository of the hub; not looked for here. */
export function model(description: string): Setting<string> {
  return setting(nonEmpty, 'FOLDER|ORG/NAME', description);
}

/** An address `host:port`; port 0 takes a free one. IPv6 hosts stand in brackets. */
export function address(description: string): Setting<string | undefined>;
export function address(
  description: string,
  options: { fallback: string } | { required: true },
): Setting<string>;
export function address(description: string, options: Optionality<string> = {}): Setting<string | undefined> {
  const schema = z.string().refine(isAddress, { error: 'an address host:port, for example 127.0.0.1:8000' });
  return setting(withDefault(schema, options), 'HOST:PORT', description);
}

/** A whole number within limits. */
export function integer(description: string, range: Range): Setting<number | undefined>;
export function integer(description: string, range: Range & { fallback: number }): Setting<number>;
export function integer(
  description: string,
  range: Range & Optionality<number>,
): Setting<number | undefined> {
  const { min, max } = range;
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);
  return setting(
    withDefault(expecting(schema, `a whole number from ${min} to ${max}`), range),
    'N',
    description,
  );
}

/** A size in bytes: a whole number, with or without KiB, MiB or GiB. */
export function bytes(description: string, options: { fallback: number }): Setting<number> {
  const schema = z
    .string()
    .regex(/^\d{1,12}(KiB|MiB|GiB)?$/)
    .transform(readBytes);
  const expected = 'a size in bytes, for example 1048576, 512MiB or 2GiB';
  return setting(expecting(schema, expected).default(options.fallback), 'BYTES', description);
}

/** One of a few words. */
export function choice<const Word extends string>(
  description: string,
  options: { words: readonly [Word, ...Word[]]; fallback: NoInfer<Word> },
): Setting<Word> {
  const schema = z.enum(options.words, { error: `one of ${options.words.join(', ')}` });
  return setting(schema.default(options.fallback), options.words.join('|'), description);
}

/** On or off: `--name`, `--no-name`, or a variable of `true`, `false`, `1` or `0`. Off when absent. */
export function flag(description: string): Setting<boolean> {
  const schema = z.enum(['true', 'false', '1', '0'], { error: 'true or false' });
  const read = schema.transform((word) => word === 'true' || word === '1');
  return setting(read.default(false), '', description);
}

interface Optionality<T> {
  readonly fallback?: T;
  readonly required?: boolean;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

const nonEmpty = z.string().min(1, { error: 'text that is not empty' });

function withDefault<T>(schema: z.ZodType<T>, options: Optionality<T>): z.ZodType<T | undefined> {
  if (options.required === true) return schema;
  const { fallback } = options;
  return schema.optional().transform((value) => value ?? fallback);
}

/** Says what was expected in one phrase, whichever step of the schema refuses. */
function expecting<T>(schema: z.ZodType<T>, expected: string): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

function readBytes(written: string): number {
  const units = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  for (const [unit, size] of Object.entries(units)) {
    if (written.endsWith(unit)) return Number(written.slice(0, -unit.length)) * size;
  }
  return Number(written);
}

function isAddress(value: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/]+):(\d{1,5})$/.exec(value)?.[1];
  return port !== undefined && Number(port) <= 65535;
}
