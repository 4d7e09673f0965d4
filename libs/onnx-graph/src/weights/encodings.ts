import type { Encoding } from './encoding.ts';
import { float16 } from './float16.ts';
import { float32 } from './float32.ts';
import { int4 } from './int4.ts';
import { int8 } from './int8.ts';
import { int8Blocks } from './int8-blocks.ts';

/** Every way to store a weight, by its name. Worker threads find encodings here, so they are named, not passed. */
export const ENCODINGS = { float32, float16, int8, int8Blocks, int4 } as const satisfies Record<
  string,
  Encoding
>;

/** Name of an encoding. */
export type EncodingName = keyof typeof ENCODINGS;
