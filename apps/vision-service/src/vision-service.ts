import { defaultHome } from '@diptych/checkpoint';
import { VisionService } from '@diptych/contract';
import { loadModel, type Model } from '@diptych/models';
import { RpcServer, type RunningService } from '@diptych/rpc';
import { type Logger, Stopwatch } from '@diptych/telemetry';
import { EmbeddingCache } from './embedding-cache.ts';
import { type CachedEmbedding, createEncodeImage } from './encode-image.ts';
import { EncodeQueue } from './encode-queue.ts';
import { VisionEncoder } from './encoder.ts';
import { createGetModel } from './get-model.ts';
import { ImageEncoder } from './image-encoder.ts';
import type { VisionSettings } from './settings.ts';

/** Settings, and where to log. */
export interface VisionServiceOptions extends VisionSettings {
  readonly logger: Logger;
}

/** Loads the model (compiling it where needed), warms the encoder up, and then starts to serve. */
export async function startVisionService(options: VisionServiceOptions): Promise<RunningService> {
  const { logger } = options;
  const model = await loadModel({
    checkpointFolder: options.model,
    home: options.home ?? defaultHome(),
    onProgress: (message) => logger.info(message),
  });
  const encoder = await VisionEncoder.load(model.vision, { threads: options.threads });
  const warmUp = new Stopwatch();
  await encoder.warmUp();
  const queue = new EncodeQueue(encoder);
  const server = addHandlers(options, model, queue);
  const { address } = await server.start();
  logger.info(
    {
      address,
      model: model.id,
      fingerprint: model.fingerprint,
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

function addHandlers(options: VisionServiceOptions, model: Model, queue: EncodeQueue): RpcServer {
  const limits = { maxBytes: options.maxImageBytes, maxPixels: options.maxImagePixels };
  const images = new ImageEncoder({
    model,
    limits,
    queue,
    maxImages: options.queue,
  });
  const cache = new EmbeddingCache<CachedEmbedding>({ maxBytes: options.cacheBytes });
  return new RpcServer({ address: options.listen, logger: options.logger }).add(VisionService, {
    encodeImage: createEncodeImage({ model, images, cache }),
    getModel: createGetModel(model, limits),
  });
}
