import assert from 'node:assert/strict';
import { DiptychError } from '@diptych/errors';
import type { SequenceRequest } from './request.ts';

/** What a request is held against. */
export interface ModelLimits {
  /** Tokens that a slot holds: prompt and answer together. */
  readonly capacity: number;
  readonly vocabSize: number;
}

/**
 * Holds a request against the model before it is queued.
 *
 * @returns the most tokens the answer may have, resumed ones included: `max_tokens`, else what the context leaves
 * @throws DiptychError `context_length_exceeded` with the counts where prompt and answer do not fit the context;
 * `invalid_parameter` where a token id is not in the vocabulary, or the resumed tokens or `min_tokens` are more than
 * the answer may have
 */
export function checkRequest(request: SequenceRequest, limits: ModelLimits): number {
  checkImages(request);
  const maxTokens = checkLength(request, limits.capacity);
  checkMinTokens(request.sampling.minTokens, maxTokens);
  checkIds('stop_token_ids', request.sampling.stopTokenIds, limits.vocabSize);
  checkIds('logit_bias', request.sampling.logitBias.keys(), limits.vocabSize);
  checkIds('resume_token_ids', request.resumeIds, limits.vocabSize);
  if (request.resumeIds.length <= maxTokens) return maxTokens;
  throw new DiptychError(
    'invalid_parameter',
    `resume_token_ids holds ${request.resumeIds.length} tokens, but the answer may have at most ${maxTokens}.`,
    { param: 'resume_token_ids' },
  );
}

function checkLength({ promptIds, sampling }: SequenceRequest, capacity: number): number {
  const left = capacity - promptIds.length;
  if (promptIds.length === 0)
    throw new DiptychError('invalid_parameter', 'The prompt has no tokens; it needs at least one.', {
      param: 'messages',
    });
  if (left < 1)
    throw new DiptychError(
      'context_length_exceeded',
      `The prompt has ${promptIds.length} tokens, but the context is ${capacity} tokens and the answer needs at ` +
        'least one of them. Shorten the conversation or send fewer images.',
      { param: 'messages' },
    );
  const { maxTokens = left } = sampling;
  if (maxTokens <= left) return maxTokens;
  throw new DiptychError(
    'context_length_exceeded',
    `The prompt has ${promptIds.length} tokens and max_tokens is ${maxTokens}, together ` +
      `${promptIds.length + maxTokens}, but the context is ${capacity} tokens. Ask for at most ${left} tokens ` +
      'or shorten the conversation.',
    { param: 'max_tokens' },
  );
}

/** Without `max_tokens` the context alone bounds the answer, and only here is it known. */
function checkMinTokens(minTokens: number, maxTokens: number): void {
  if (minTokens <= maxTokens) return;
  throw new DiptychError(
    'invalid_parameter',
    `min_tokens is ${minTokens}, but after this prompt the answer may have at most ${maxTokens} tokens.`,
    { param: 'min_tokens' },
  );
}

function checkIds(param: string, ids: Iterable<number>, vocabSize: number): void {
  for (const id of ids) {
    if (id >= 0 && id < vocabSize) continue;
    throw new DiptychError(
      'invalid_parameter',
      `${param} holds token id ${id}, but the vocabulary ends at ${vocabSize - 1}.`,
      { param },
    );
  }
}

/** What the prompt's encoder guarantees. */
function checkImages({ promptIds, imagePositions, imageFeatures, images }: SequenceRequest): void {
  assert.ok(
    images.every((image) => image.rows > 0),
    'every image has a place in the prompt',
  );
  const rows = images.reduce((sum, image) => sum + image.rows, 0);
  assert.equal(rows, imagePositions.length, 'every image position belongs to an image');
  assert.ok(isAscending(imagePositions), 'image positions ascend');
  assert.ok((imagePositions.at(-1) ?? -1) < promptIds.length, 'image positions lie in the prompt');
  const wholeRows = rows === 0 ? imageFeatures.length === 0 : imageFeatures.length % rows === 0;
  assert.ok(wholeRows, 'image features are whole rows');
}

function isAscending(positions: Int32Array): boolean {
  return positions.every((position, i) => position > (positions[i - 1] ?? -1));
}
