import { readFileSync } from 'node:fs';
import type { ImageStep, Resample, Size } from './image-plan.ts';

/** Pixels that Pillow resized; for specs only. */
export interface ResizeGolden extends Size {
  readonly kind: 'resize';
  /** Base64 of the source's RGB pixels. */
  readonly pixels: string;
  readonly results: readonly (Size & { readonly filter: Resample; readonly pixels: string })[];
}

/** Pixels that Pillow took through steps, resizing with bicubic weights; for specs only. */
export interface StepsGolden extends Size {
  readonly kind: 'steps';
  /** Base64 of the source's RGB pixels. */
  readonly pixels: string;
  readonly steps: readonly ImageStep[];
  readonly result: Size & { readonly pixels: string };
}

/** An encoded file and the RGB pixels that the reference makes of it; for specs only. */
export interface DecodeGolden extends Size {
  readonly kind: 'decode';
  readonly name: string;
  /** Base64 of the encoded file. */
  readonly file: string;
  readonly pixels: string;
}

/** Reads src/fixtures/pillow-golden.jsonl; make_pillow_golden.py beside it makes it. */
export function readGoldens(): {
  readonly resizes: readonly ResizeGolden[];
  readonly decodes: readonly DecodeGolden[];
  readonly steps: readonly StepsGolden[];
} {
  const text = readFileSync(new URL('./fixtures/pillow-golden.jsonl', import.meta.url), 'utf8');
  const goldens = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ResizeGolden | DecodeGolden | StepsGolden);
  return {
    resizes: goldens.filter((golden) => golden.kind === 'resize'),
    decodes: goldens.filter((golden) => golden.kind === 'decode'),
    steps: goldens.filter((golden) => golden.kind === 'steps'),
  };
}
