import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PICO } from './paths.ts';

export { HubServer } from '@diptych/checkpoint/hub-server';

/** The files at the top of the bundled model, for a repository of a `HubServer`. */
export function picoFiles(): Record<string, Uint8Array> {
  const entries = readdirSync(PICO, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(entries.map(({ name }) => [name, readFileSync(join(PICO, name))]));
}
