import { defaultHome } from '@diptych/checkpoint';
import { VisionService } from '@diptych/contract';
import type { ImageLimits } from '@diptych/image';
import { loadModel, locateModel, type Model } from '@diptych/models';
import { RpcServer, type RunningService } from '@diptych/rpc';
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

/** Settings, and where to log. */
export interface VisionServiceOptions extends VisionSettings {
  readonly logger: Logger;
}

/** Loads the model (compiling it where needed), warms the encoder up, and then starts to serve. */
export async function startVisionService(options: VisionServiceOptions): Promise<RunningService> {
  const { logger } = options;
  const onProgress = (message: string) => logger.info({ progress: true }, message);
  const model = await loadModel({
    checkpointFolder: await locateModel(options.model, { onProgress }),
    home: options.home ?? defaultHome(),
    weights: options.weights,
    stages: ['vision'],
    onProgress,
  });
  const encoder = await VisionEncoder.load(model.vision, { threads: options.threads });
  const queue = new EncodeQueue(encoder);
  const images = new ImageEncoder({ model, limits: imageLimits(options), queue, maxImages: options.queue });
  const warmUp = new Stopwatch();
  await encoder.warmUp();
  await images.encode(ONE_PIXEL, { split: false, signal: new AbortController().signal });
  const server = addHandlers(options, model, images);
  const { address } = await server.start();
  logger.info(
    {
      address,
      model: model.id,
      fingerprint: model.fingerprint,
      weights: model.weights,
      threads: options.threads,
      warmUpMs: warmUp.lap(),
    },
    'serving',
  );
  return {
    address,
    stop: async () => {
      await server.shutdown(options.graceSeconds * 1000);
      await queue.idle();
      encoder[Symbol.dispose]();
    },
  };
}

function imageLimits(options: VisionSettings): ImageLimits {
  return { maxBytes: options.maxImageBytes, maxPixels: options.maxImagePixels };
}

function addHandlers(options: VisionServiceOptions, model: Model, images: ImageEncoder): RpcServer {
  const cache = new EmbeddingCache<CachedEmbedding>({ maxBytes: options.cacheBytes });
  return new RpcServer({ address: options.listen, logger: options.logger }).add(VisionService, {
    encodeImage: createEncodeImage({ model, images, cache }),
    getModel: createGetModel(model, imageLimits(options)),
  });
}
