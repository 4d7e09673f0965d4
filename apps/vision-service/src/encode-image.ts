import { createHash, webcrypto } from 'node:crypto';
import { DataType, type EncodeImageRequest, type VisionService } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { ImageLayout } from '@diptych/image';
import type { Model } from '@diptych/models';
import type { RpcHandlers } from '@diptych/rpc';
import type { EmbeddingCache } from './embedding-cache.ts';
import { type FeatureType, featureBytes } from './features.ts';
import type { EncodedImage, ImageEncoder } from './image-encoder.ts';

/** An embedding as it is kept and sent. */
export interface CachedEmbedding {
  readonly layout: ImageLayout;
  readonly features: Uint8Array;
  readonly byteLength: number;
  readonly timings: EncodedImage['timings'];
}

/** What the handler works with. */
export interface EncodeImageOptions {
  readonly model: Pick<Model, 'fingerprint' | 'vision'>;
  readonly images: Pick<ImageEncoder, 'encode'>;
  readonly cache: EmbeddingCache<CachedEmbedding>;
}

/** EncodeImage: one image's bytes in, its embedding out, from the cache where the same bytes were seen before. */
export function createEncodeImage(
  options: EncodeImageOptions,
): RpcHandlers<typeof VisionService>['encodeImage'] {
  const { model, images, cache } = options;
  return async (request, { signal }) => {
    const { split, type } = validate(request, model.vision.defaultSplit);
    const digest = await digestOf(request.image, split, type);
    const { value, hit } = await cache.get(digest.toString('hex'), signal, async (shared) =>
      toCached(await images.encode(request.image, { split, signal: shared }), type),
    );
    return {
      embedding: {
        digest,
        modelFingerprint: model.fingerprint,
        layout: { ...value.layout, tileTokens: [...value.layout.tileTokens] },
        features: { dataType: type, shape: shapeOf(value, model), data: value.features },
      },
      timings: hit ? {} : value.timings,
      cacheHit: hit,
    };
  };
}

function validate(
  { options }: EncodeImageRequest,
  defaultSplit: boolean,
): { split: boolean; type: FeatureType } {
  const type = options?.featureType ?? DataType.UNSPECIFIED;
  const split = options?.split ?? defaultSplit;
  switch (type) {
    case DataType.UNSPECIFIED:
    case DataType.FLOAT16:
      return { split, type: DataType.FLOAT16 };
    case DataType.FLOAT32:
      return { split, type };
    default:
      throw unknownFeatureType(type);
  }
}

/** proto3 enums are open: a caller may send any number. */
function unknownFeatureType(type: number): DiptychError {
  const message = `options.feature_type must be FLOAT16 (2) or FLOAT32 (1), got ${type}.`;
  return new DiptychError('invalid_parameter', message, { param: 'options.feature_type' });
}

/** SHA-256 over the options and the bytes; the bytes are hashed off the event loop. */
async function digestOf(image: Uint8Array, split: boolean, type: FeatureType): Promise<Buffer> {
  const content = await webcrypto.subtle.digest('SHA-256', new Uint8Array(image));
  return createHash('sha256').update(`split=${split} type=${type} `).update(new Uint8Array(content)).digest();
}

function toCached({ layout, features, timings }: EncodedImage, type: FeatureType): CachedEmbedding {
  const bytes = featureBytes(features, type);
  return { layout, features: bytes, byteLength: bytes.byteLength, timings };
}

function shapeOf({ layout }: CachedEmbedding, model: Pick<Model, 'vision'>): number[] {
  return [layout.tileTokens.reduce((sum, tokens) => sum + tokens, 0), model.vision.hiddenSize];
}
