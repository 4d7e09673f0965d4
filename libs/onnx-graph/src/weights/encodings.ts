import type { Encoding } from './encoding.ts';
import { float32 } from './float32.ts';

/** Every way to store a weight, by its name. Worker threads find encodings here, so they are named, not passed. */
export const ENCODINGS = { float32 } as const satisfies Record<string, Encoding>;

/** Name of an encoding. */
export type EncodingName = keyof typeof ENCODINGS;
