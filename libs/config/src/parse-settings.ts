import { parseArgs } from 'node:util';
import { DiptychError } from '@diptych/errors';
import type { Setting } from './kinds.ts';

/** Settings by name in camelCase: `cacheBytes` is `--cache-bytes` and `DIPTYCH_CACHE_BYTES`. */
export type SettingsShape = Readonly<Record<string, Setting<unknown>>>;

/** What a program can be set to. */
export interface SettingsDefinition<Shape extends SettingsShape> {
  /** How the program is started, for the first line of `--help`. */
  readonly program: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Its settings. */
  readonly settings: Shape;
  /** What may follow the flags, for example `IMAGE... QUESTION`; absent: nothing. */
  readonly positionals?: string;
}

/** Either a text to print, or values and what followed the flags. */
export type ParsedSettings<Shape extends SettingsShape> =
  | { readonly help: string }
  | {
      readonly help?: never;
      readonly settings: SettingsValues<Shape>;
      readonly positionals: readonly string[];
    };

/** The values of a shape's settings. */
export type SettingsValues<Shape extends SettingsShape> = {
  readonly [Name in keyof Shape]: Shape[Name] extends Setting<infer T> ? T : never;
};

/**
 * Reads settings from flags and environment; a flag wins. Nothing is ignored: an unknown flag, a missing or
 * wrong value and an unexpected argument throw `configuration_invalid` and name what is accepted.
 */
export function parseSettings<Shape extends SettingsShape>(
  definition: SettingsDefinition<Shape>,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedSettings<Shape> {
  const { flags, positionals } = readFlags(definition, argv);
  if (flags.has('help')) return { help: helpText(definition) };
  const entries = Object.entries(definition.settings).map(([name, { schema }]) => {
    const source = flags.has(name) ? flagName(name) : variableName(name);
    const written = flags.get(name) ?? env[variableName(name)];
    const result = schema.safeParse(written);
    if (result.success) return [name, result.data] as const;
    throw wrongValue(name, source, written, result.error.issues[0]?.message ?? 'another value');
  });
  // The entries are exactly the shape's names with their schemas' outputs.
  return { settings: Object.fromEntries(entries) as SettingsValues<Shape>, positionals };
}

interface Flags {
  readonly flags: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

function readFlags(definition: SettingsDefinition<SettingsShape>, argv: readonly string[]): Flags {
  const names = new Map(Object.keys(definition.settings).map((name) => [kebab(name), name]));
  const options = Object.entries(definition.settings).map(
    ([name, { placeholder }]) => [kebab(name), { type: placeholder === '' ? 'boolean' : 'string' }] as const,
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } },
    strict: false,
    tokens: true,
  });
  const flags = new Map<string, string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.name === 'help') flags.set('help', 'true');
    else readFlag(definition, names, token, flags);
  }
  if (positionals.length > 0 && definition.positionals === undefined && !flags.has('help')) {
    throw invalid(`unexpected argument "${positionals[0] ?? ''}"; flags start with --`);
  }
  return { flags, positionals };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function readFlag(
  definition: SettingsDefinition<SettingsShape>,
  names: ReadonlyMap<string, string>,
  token: OptionToken,
  flags: Map<string, string>,
): void {
  const negated = token.name.startsWith('no-') && !names.has(token.name);
  const name = names.get(negated ? token.name.slice('no-'.length) : token.name);
  const known = name === undefined ? undefined : definition.settings[name];
  const isSwitch = known?.placeholder === '';
  if (name === undefined || known === undefined || (negated && !isSwitch)) {
    const accepted = [...names.keys(), 'help'].map((flag) => `--${flag}`).join(', ');
    throw invalid(`there is no flag ${token.rawName}; there are ${accepted}`, token.rawName);
  }
  const swallowed = token.inlineValue === false && token.value?.startsWith('--') === true;
  if (!isSwitch && (token.value === undefined || token.value === '' || swallowed)) {
    throw invalid(`${token.rawName} needs a value: ${token.rawName} ${known.placeholder}`, token.rawName);
  }
  flags.set(name, token.value ?? String(!negated));
}

function wrongValue(name: string, source: string, written: string | undefined, expected: string) {
  if (written === undefined) {
    return invalid(`${flagName(name)} (or ${variableName(name)}) must be given; see --help`, flagName(name));
  }
  return invalid(`${source} must be ${expected}, got "${written}"`, source);
}

function invalid(message: string, param?: string): DiptychError {
  return new DiptychError('configuration_invalid', message, param === undefined ? {} : { param });
}

function helpText(definition: SettingsDefinition<SettingsShape>): string {
  const rows = Object.entries(definition.settings).map(([name, { schema, placeholder, description }]) => {
    const absent = schema.safeParse(undefined);
    const shown = absent.success ? defaultText(absent.data) : ', required';
    return [
      `${flagName(name)} ${placeholder}`.trim(),
      `${description} [${variableName(name)}${shown}]`,
    ] as const;
  });
  const all = [...rows, ['--help', 'Show this text.'] as const];
  const width = Math.max(...all.map(([left]) => left.length));
  const usage = `Usage: ${definition.program} [flags] ${definition.positionals ?? ''}`.trimEnd();
  const lines = all.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  return `${usage}\n\n${definition.summary}\n\n${lines.join('\n')}\n\nA flag wins over its environment variable.`;
}

function defaultText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? `, default ${value}` : '';
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const flagName = (name: string) => `--${kebab(name)}`;
const variableName = (name: string) => `DIPTYCH_${kebab(name).replaceAll('-', '_').toUpperCase()}`;
