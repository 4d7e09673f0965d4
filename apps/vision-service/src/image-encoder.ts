import { DiptychError } from '@diptych/errors';
import { type ImageLayout, type ImageLimits, prepareImage } from '@diptych/image';
import type { Model } from '@diptych/models';
import { Stopwatch } from '@diptych/telemetry';
import type { EncodeQueue } from './encode-queue.ts';
import { Permits } from './permits.ts';
import { selectRows } from './select-rows.ts';

/**
 * Images that are decoded at once. The tiles of one take up to some 60 MB and their features as much, so this bounds
 * memory; further ones wait as encoded bytes.
 */
const DECODED_AT_ONCE = 4;

/** Retry hint of a full queue: about the time one image takes. */
const RETRY_AFTER_MS = 500;

/** What an image encoder works with. */
export interface ImageEncoderOptions {
  readonly model: Pick<Model, 'vision'>;
  readonly limits: ImageLimits;
  readonly queue: EncodeQueue;
  /** Most images in work or waiting; further ones are refused with `queue_full`. */
  readonly maxImages: number;
}

/** One encoded image. */
export interface EncodedImage {
  readonly layout: ImageLayout;
  /** Shape [rows, hidden], the caller's own. */
  readonly features: Float32Array<ArrayBuffer>;
  readonly timings: { readonly decodeResizeMs: number; readonly queueMs: number; readonly encodeMs: number };
}

/** Takes images from encoded bytes to features: admit, decode and tile, encode. */
export class ImageEncoder {
  readonly #options: ImageEncoderOptions;
  readonly #permits = new Permits(DECODED_AT_ONCE);
  #accepted = 0;

  constructor(options: ImageEncoderOptions) {
    this.#options = options;
  }

  /**
   * Encodes one image. Throws `queue_full`, the errors of `prepareImage`, or the signal's reason.
   *
   * @param bytes must not change until the promise settles
   */
  async encode(bytes: Uint8Array, options: { split: boolean; signal: AbortSignal }): Promise<EncodedImage> {
    this.#admit();
    try {
      return await this.#encodeAdmitted(bytes, options.split, options.signal);
    } finally {
      this.#accepted -= 1;
    }
  }

  #admit(): void {
    const { maxImages } = this.#options;
    if (this.#accepted >= maxImages) {
      throw new DiptychError(
        'queue_full',
        `This server is encoding ${maxImages} images already; try again later.`,
        {
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    }
    this.#accepted += 1;
  }

  async #encodeAdmitted(bytes: Uint8Array, split: boolean, signal: AbortSignal): Promise<EncodedImage> {
    const { model, limits, queue } = this.#options;
    const watch = new Stopwatch();
    await this.#permits.acquire(signal);
    try {
      const waitedMs = watch.lap();
      const { tiles, grid } = await prepareImage(
        bytes,
        (source) => model.vision.planImage(source, { split }),
        limits,
      );
      const decodeResizeMs = watch.lap();
      const { features, queueMs, encodeMs } = await queue.encode(tiles, signal);
      const timings = { decodeResizeMs, queueMs: waitedMs + queueMs, encodeMs };
      const layout = { ...grid, tileTokens: model.vision.countTokens(grid) };
      return { layout, features: selectRows(features, model.vision, grid), timings };
    } finally {
      this.#permits.release();
    }
  }
}
