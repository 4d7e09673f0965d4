import { create } from '@bufbuild/protobuf';
import {
  EncodeImageRequestSchema,
  type EncodeImageResponse,
  EncodeOptionsSchema,
  type ImageEmbedding,
} from '@diptych/contract';
import { DiptychError, toDiptychError } from '@diptych/errors';
import { Stopwatch } from '@diptych/telemetry';
import type { FetchImage } from '../images/fetch-image.ts';
import type { VisionClient } from '../stages/stages.ts';
import type { ImageInput } from './answer-job.ts';
import type { CallEnd } from './call-signal.ts';
import type { AnswerTimings } from './timings.ts';

/** What encoding needs. */
export interface EncodeContext {
  readonly vision: VisionClient;
  readonly fetchImage: FetchImage;
}

/** One request's part in encoding. */
export interface EncodeCall extends CallEnd {
  readonly timings: AnswerTimings;
}

/**
 * Obtains and encodes images, all at the same time; the embeddings are in the order of the images. The first
 * failure ends the others and names the request field of its image.
 */
export async function encodeImages(
  context: EncodeContext,
  images: readonly ImageInput[],
  { signal, ...limits }: EncodeCall,
): Promise<ImageEmbedding[]> {
  const failure = new AbortController();
  const call = { ...limits, signal: AbortSignal.any([signal, failure.signal]) };
  try {
    return await Promise.all(images.map((image) => encodeImage(context, image, call)));
  } finally {
    failure.abort();
  }
}

async function encodeImage(
  context: EncodeContext,
  image: ImageInput,
  call: EncodeCall,
): Promise<ImageEmbedding> {
  const bytes = await obtain(context.fetchImage, image, call);
  const request = create(EncodeImageRequestSchema, {
    image: bytes,
    options: create(EncodeOptionsSchema, image.split === undefined ? {} : { split: image.split }),
  });
  const answer = await context.vision
    .encodeImage(request, { signal: call.signal, deadline: call.deadline })
    .catch((error: unknown) => {
      throw aboutImage(error, image.param);
    });
  call.timings.encoded(answer.timings);
  return embeddingOf(answer);
}

async function obtain(
  fetchImage: FetchImage,
  { source, param }: ImageInput,
  call: EncodeCall,
): Promise<Uint8Array> {
  if (source.kind === 'bytes') return source.bytes;
  const watch = new Stopwatch();
  const bytes = await fetchImage(source.url, { param, signal: call.signal });
  call.timings.fetched(watch.elapsedMs());
  return bytes;
}

/** What the vision-service says of an image is said of the field that the image came in. */
function aboutImage(error: unknown, param: string): DiptychError {
  const coded = toDiptychError(error);
  if (!coded.code.startsWith('image_')) return coded;
  return new DiptychError(coded.code, coded.message, { param, cause: coded });
}

function embeddingOf({ embedding }: EncodeImageResponse): ImageEmbedding {
  if (embedding) return embedding;
  throw new DiptychError('internal', 'The vision-service answered without an embedding.');
}
