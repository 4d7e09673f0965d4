import { DiptychError } from '@diptych/errors';
import type { SettingsShape, SettingsValues } from './parse-settings.ts';

/**
 * Settings that come as values of a program instead of text: the same ranges, the same defaults. The environment is not
 * looked at. A name that is no setting and a wrong value throw `configuration_invalid`.
 */
export function readValues<Shape extends SettingsShape>(
  settings: Shape,
  values: Readonly<Record<string, unknown>>,
): SettingsValues<Shape> {
  const unknown = Object.keys(values).find((name) => !Object.hasOwn(settings, name));
  if (unknown !== undefined) {
    const message = `there is no option ${unknown}; there are ${Object.keys(settings).join(', ')}`;
    throw new DiptychError('configuration_invalid', message, { param: unknown });
  }
  const entries = Object.entries(settings).map(([name, { schema }]) => {
    const given = values[name];
    const result = schema.safeParse(asText(given));
    if (result.success) return [name, result.data] as const;
    throw wrongValue(name, given, result.error.issues[0]?.message ?? 'another value');
  });
  // The entries are exactly the shape's names with their schemas' outputs.
  return Object.fromEntries(entries) as SettingsValues<Shape>;
}

/** Settings read text, whose rules are then the only ones; what is neither text nor number nor switch has none. */
function asText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

function wrongValue(name: string, given: unknown, expected: string): DiptychError {
  const problem =
    given === undefined ? `must be given: ${expected}` : `must be ${expected}, got ${show(given)}`;
  return new DiptychError('configuration_invalid', `${name} ${problem}`, { param: name });
}

function show(value: unknown): string {
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}
