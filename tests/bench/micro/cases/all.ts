import type { MicroCase } from '../micro-case.ts';
import { IMAGE_PREPARATION } from './image-preparation.ts';
import { RUNTIME_CALL } from './runtime-call.ts';
import { SAMPLER } from './sampler.ts';
import { TEXT } from './text.ts';

/** Every case. */
export const CASES: readonly MicroCase[] = [...RUNTIME_CALL, ...IMAGE_PREPARATION, ...TEXT, ...SAMPLER];
