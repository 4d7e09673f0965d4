import { defaultHome } from '@diptych/checkpoint';
import type { VisionService } from '@diptych/contract';
import type { ImageLimits } from '@diptych/image';
import { loadModel, locateModel } from '@diptych/models';
import type { RpcHandlers } from '@diptych/rpc';
import { type Logger, Stopwatch } from '@diptych/telemetry';
import { EmbeddingCache } from './embedding-cache.ts';
import { type CachedEmbedding, createEncodeImage } from './encode-image.ts';
import { EncodeQueue } from './encode-queue.ts';
import { VisionEncoder } from './encoder.ts';
import { createGetModel } from './get-model.ts';
import { ImageEncoder } from './image-encoder.ts';
import type { VisionSettings } from './settings.ts';

/** The smallest GIF: encoding it starts the decoder and the resampling workers before the first request. */
const ONE_PIXEL = Buffer.from('R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=', 'base64');

/** What a vision stage is made of; see settings.ts for each. */
export interface VisionStageOptions extends Omit<VisionSettings, 'listen' | 'graceSeconds' | 'logLevel'> {
  readonly logger: Logger;
  /** Told in words what takes long: a download, a compile. */
  readonly onProgress: (message: string) => void;
}

/** A loaded vision model behind the methods of its service, whoever calls them. */
export interface VisionStage {
  readonly handlers: RpcHandlers<typeof VisionService>;
  /** What is served, for the log. */
  readonly description: object;
  /** Waits for images in work and frees the model. Once, and after the last call ended. */
  close(): Promise<void>;
}

/** Loads the model (compiling it where needed) and warms the encoder up. */
export async function loadVisionStage(options: VisionStageOptions): Promise<VisionStage> {
  const { onProgress, threads, logger } = options;
  const model = await loadModel({
    checkpointFolder: await locateModel(options.model, { onProgress }),
    home: options.home ?? defaultHome(),
    weights: options.weights,
    stages: ['vision'],
    onProgress,
  });
  const encoder = await VisionEncoder.load(model.vision, { threads });
  const queue = new EncodeQueue(encoder);
  const limits: ImageLimits = { maxBytes: options.maxImageBytes, maxPixels: options.maxImagePixels };
  const images = new ImageEncoder({ model, limits, queue, maxImages: options.queue });
  const watch = new Stopwatch();
  await encoder.warmUp();
  await images.encode(ONE_PIXEL, { split: false, signal: new AbortController().signal });
  logger.info({ warmUpMs: watch.lap(), threads }, 'encoder ready');
  const cache = new EmbeddingCache<CachedEmbedding>({ maxBytes: options.cacheBytes });
  const { id, fingerprint, weights } = model;
  return {
    handlers: {
      encodeImage: createEncodeImage({ model, images, cache }),
      getModel: createGetModel(model, limits),
    },
    description: { model: id, fingerprint, weights },
    close: async () => {
      await queue.idle();
      encoder[Symbol.dispose]();
    },
  };
}
