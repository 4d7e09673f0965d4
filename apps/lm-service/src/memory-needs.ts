import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LoadedModel } from '@diptych/models';

/** Bytes that a language stage needs, about. */
export interface MemoryNeeds {
  /** Weights, as large as the graph's files. */
  readonly weightBytes: number;
  /** Keys and values of every position of every slot. The system gives them as they are used. */
  readonly cacheBytes: number;
}

/** Works out what a decoder of this model will need. */
export async function memoryNeeds(
  model: LoadedModel<'language'>,
  slots: number,
  capacity: number,
): Promise<MemoryNeeds> {
  const { layers, kvHeads, headDim, graphPath } = model.language;
  const keysAndValues = 2 * layers * kvHeads * headDim * Float32Array.BYTES_PER_ELEMENT;
  return { weightBytes: await folderBytes(dirname(graphPath)), cacheBytes: keysAndValues * slots * capacity };
}

async function folderBytes(folder: string): Promise<number> {
  const files = await Promise.all((await readdir(folder)).map((file) => stat(join(folder, file))));
  return files.reduce((sum, { size }) => sum + size, 0);
}
