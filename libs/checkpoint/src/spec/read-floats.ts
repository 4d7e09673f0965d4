import { readFile } from 'node:fs/promises';
import type { TensorLocation } from '../index.ts';

/** The bytes that a location means. */
export async function readLocated({ path, offset, dtype, elements }: TensorLocation): Promise<Uint8Array> {
  const length = elements * (dtype === 'F32' ? 4 : 2);
  return Uint8Array.from((await readFile(path)).subarray(offset, offset + length));
}

/** The elements of a float32 tensor. */
export async function readFloats(location: TensorLocation): Promise<Float32Array> {
  return new Float32Array((await readLocated(location)).buffer);
}
