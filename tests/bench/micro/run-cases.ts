import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MicroEffort, type MicroTimes, measureCase } from './measure-case.ts';
import type { MicroCase } from './micro-case.ts';

/** Times of a case, in microseconds of one call. */
export interface MicroResult extends MicroTimes {
  readonly name: string;
}

/** What to measure with. */
export interface RunOptions extends MicroEffort {
  /** Folder of a checkpoint whose tokeniser is measured. */
  readonly checkpoint: string;
}

/** Measures one case, in a folder of its own that is removed afterwards. */
export async function runCase(micro: MicroCase, options: RunOptions): Promise<MicroResult> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-micro-'));
  try {
    using resources = new DisposableStack();
    const work = await micro.prepare({ folder, checkpoint: options.checkpoint, resources });
    return { name: micro.name, ...(await measureCase(work, options)) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The cases whose names begin with one of `wanted`; all where nothing is wanted. Throws where a name fits none. */
export function chooseCases(cases: readonly MicroCase[], wanted: readonly string[]): readonly MicroCase[] {
  const fits = (micro: MicroCase, name: string) => micro.name.startsWith(name);
  const unknown = wanted.find((name) => !cases.some((micro) => fits(micro, name)));
  if (unknown === undefined)
    return cases.filter((micro) => wanted.length === 0 || wanted.some((name) => fits(micro, name)));
  const names = cases.map(({ name }) => name).join(', ');
  throw new Error(`no case begins with ${unknown}; there are ${names}`);
}
