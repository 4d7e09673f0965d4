import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The workspace. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** The bundled model. */
export const PICO = join(ROOT, 'models/pico');
/** Pictures that the bundled model understands. */
export const SAMPLES = join(ROOT, 'samples');
/** The published contract. */
export const PROTO = join(ROOT, 'proto');
/** Compiled models of test runs: kept between runs, apart from the user's own. */
export const MODEL_HOME = join(ROOT, 'node_modules/.cache/diptych');

/** A sample picture as a data URI. */
export function sampleDataUri(name: string): string {
  return `data:image/png;base64,${readFileSync(join(SAMPLES, name)).toString('base64')}`;
}
