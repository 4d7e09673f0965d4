import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { formatTime } from './format-time.ts';

/** A parsed template. Rendering throws `TemplateRefusal` where the template itself raises an exception. */
export type JinjaTemplate = (variables: Readonly<Record<string, unknown>>, now: Date) => string;

/** What a template says with `raise_exception`: the conversation is not one that it takes. */
export class TemplateRefusal extends Error {}

/**
 * Parses a Jinja template with the settings and functions of the reference (`trim_blocks`, `lstrip_blocks`,
 * `raise_exception`, `strftime_now`). Throws where it is no Jinja.
 */
export function parseJinja(source: string): JinjaTemplate {
  const program = library.parse(library.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return (variables, now) => {
    const environment = new library.Environment();
    for (const [name, value] of Object.entries({ ...globals(now), ...variables }))
      environment.set(name, value);
    return new library.Interpreter(environment).run(program).value;
  };
}

/** The parts of the Jinja library that are used. */
interface JinjaLibrary {
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): unknown;
  parse(tokens: unknown): unknown;
  readonly Environment: new () => { set(name: string, value: unknown): unknown };
  readonly Interpreter: new (environment: unknown) => { run(program: unknown): { readonly value: string } };
}

// The package's declarations import each other without extensions, so nothing in them has a type here.
// eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- see above
const library: JinjaLibrary = { Environment, Interpreter, parse, tokenize };

function globals(now: Date): Record<string, unknown> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: (message: unknown) => {
      throw new TemplateRefusal(String(message));
    },
    range,
    strftime_now: (format: unknown) => formatTime(now, String(format)),
  };
}

/** No chat template counts further, and a list of a thousand million numbers would end the process. */
const MAX_RANGE = 100_000;

function range(first: number, last?: number, step = 1): number[] {
  const [from, to] = last === undefined ? [0, first] : [first, last];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= MAX_RANGE)) throw new Error(`range of ${count} numbers; at most ${MAX_RANGE} are allowed`);
  return Array.from({ length: count }, (_, index) => from + index * step);
}
