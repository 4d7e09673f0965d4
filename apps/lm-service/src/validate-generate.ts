import type { GenerateRequest } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { SequenceRequest } from '@diptych/generation';
import type { Model } from '@diptych/models';
import type { EncodedPrompt } from '@diptych/text';
import { type CheckedEmbedding, checkEmbedding } from './check-embedding.ts';
import { copyValues } from './feature-values.ts';
import type { PromptReader } from './prompt-reader.ts';
import { readSampling } from './read-sampling.ts';

/** What requests are held against. */
export interface GenerateLimits {
  readonly model: Pick<Model, 'fingerprint' | 'vision' | 'language'>;
  readonly prompts: PromptReader;
}

/**
 * Turns a request of the wire into typed values, once. What is returned is known to be sound, but for what only the
 * engine can tell: whether it fits the context and the queue, and whether token ids are in the vocabulary.
 *
 * @throws DiptychError `invalid_parameter`, `embedding_invalid`, `embedding_model_mismatch`, `image_count_mismatch`,
 *   `context_length_exceeded`
 */
export function validateGenerate(
  request: GenerateRequest,
  { model, prompts }: GenerateLimits,
): SequenceRequest {
  const sampling = readSampling(request.sampling, model.language.generationDefaults);
  const embeddings = request.images.map((image, index) => checkEmbedding(image, model, `images[${index}]`));
  const layouts = embeddings.map(({ layout }) => layout);
  const prompt = prompts.read(request.prompt, layouts, 'images');
  return {
    promptIds: prompt.ids,
    imagePositions: prompt.imagePositions,
    imageFeatures: joinFeatures(prompt, embeddings, model.vision.hiddenSize),
    images: prompt.images.map(({ index, rows }) => ({ digest: embeddings[index]?.identity ?? '', rows })),
    sampling,
    endTokenIds: model.language.eosTokenIds,
    resumeIds: Int32Array.from(request.resumeTokenIds),
    cacheSalt: request.cacheSalt,
  };
}

/**
 * The rows of all images in the order in which the prompt shows them.
 *
 * @throws DiptychError `image_count_mismatch` where the prompt has not one placeholder for each row: an image would be
 *   lost in part, or written over the next one.
 */
function joinFeatures(
  { images, imagePositions }: EncodedPrompt,
  embeddings: readonly CheckedEmbedding[],
  hiddenSize: number,
): Float32Array {
  const features = new Float32Array(imagePositions.length * hiddenSize);
  for (const { index, firstRow, rows } of images) {
    const embedding = embeddings[index];
    if (embedding?.rows !== rows) throw placeholderMismatch(index, rows, embedding?.rows ?? 0);
    const place = features.subarray(firstRow * hiddenSize, (firstRow + rows) * hiddenSize);
    copyValues(embedding, place, `images[${index}].features.data`);
  }
  return features;
}

function placeholderMismatch(index: number, placeholders: number, rows: number): DiptychError {
  const param = `images[${index}]`;
  return new DiptychError(
    'image_count_mismatch',
    `${param} has ${rows} feature rows, but the prompt has ${placeholders} image placeholders for it; there must be one ` +
      'for each row.',
    { param },
  );
}
