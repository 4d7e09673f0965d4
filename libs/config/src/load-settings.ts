import process from 'node:process';
import { DiptychError } from '@diptych/errors';
import {
  parseSettings,
  type SettingsDefinition,
  type SettingsShape,
  type SettingsValues,
} from './parse-settings.ts';

/** Exit status of a program that was called wrongly, by convention. */
const WRONG_USAGE = 2;

/**
 * The settings of this process from its flags and environment. `--help` prints the help and exits 0; a wrong
 * setting prints one line that names it and exits 2.
 *
 * @param argv what follows the program's name (and its sub-command, where it has one)
 */
export function loadSettings<Shape extends SettingsShape>(
  definition: SettingsDefinition<Shape>,
  argv: readonly string[] = process.argv.slice(2),
): { readonly settings: SettingsValues<Shape>; readonly positionals: readonly string[] } {
  try {
    const parsed = parseSettings(definition, argv, process.env);
    if (parsed.help === undefined) return parsed;
    process.stdout.write(`${parsed.help}\n`);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof DiptychError)) throw error;
    process.stderr.write(`${definition.program}: ${error.message}\n`);
    process.exit(WRONG_USAGE);
  }
}
