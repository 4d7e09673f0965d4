import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LoadedModel } from '@diptych/models';

/** What of a model decides how much memory it takes. */
export interface ModelMemory {
  /** Weights, as large as the graph's files. */
  readonly weightBytes: number;
  /** Keys and values of one token in every layer. */
  readonly bytesPerToken: number;
  /** Process, libraries, tokeniser, and what the runtime works with. */
  readonly runtimeBytes: number;
  /** Most tokens of a sequence that the model allows. */
  readonly maxContext: number;
}

/** What a compiled decoder takes. */
export async function modelMemory({ language, weights }: LoadedModel<'language'>): Promise<ModelMemory> {
  const { layers, kvHeads, headDim, maxContext, graphPath } = language;
  const weightBytes = await folderBytes(dirname(graphPath));
  return {
    weightBytes,
    bytesPerToken: 2 * layers * kvHeads * headDim * Float32Array.BYTES_PER_ELEMENT,
    runtimeBytes: BASE_BYTES + Math.ceil(weightBytes * (weights === 'float32' ? 0 : REPACKED_SHARE)),
    maxContext,
  };
}

/** Bytes that a language stage needs at most. */
export interface MemoryNeeds {
  readonly weightBytes: number;
  /** Keys and values of every position of every slot. The system gives them as they are used. */
  readonly cacheBytes: number;
  readonly runtimeBytes: number;
  readonly totalBytes: number;
}

/** Adds up what a decoder of this model needs. */
export function memoryNeeds(
  { weightBytes, bytesPerToken, runtimeBytes }: ModelMemory,
  { slots, context }: { readonly slots: number; readonly context: number },
): MemoryNeeds {
  const cacheBytes = slots * context * bytesPerToken;
  return { weightBytes, cacheBytes, runtimeBytes, totalBytes: weightBytes + cacheBytes + runtimeBytes };
}

/**
 * What a decoder's process takes besides weights and cache, measured on the shape of SmolVLM-256M: Node and the
 * libraries 90 MB, the graph and its plans up to 110 MB, 26 MB to compute a part of a prompt in; tokeniser and
 * transport come on top. It stays there however much is cached, and however often.
 */
const BASE_BYTES = 256 * 2 ** 20;

/** The runtime keeps a part of quantised weights in a second layout: of the 5.2 GB of idefics2-8b in int4, 1.7 GB. */
const REPACKED_SHARE = 0.33;

async function folderBytes(folder: string): Promise<number> {
  const files = await Promise.all((await readdir(folder)).map((file) => stat(join(folder, file))));
  return files.reduce((sum, { size }) => sum + size, 0);
}
