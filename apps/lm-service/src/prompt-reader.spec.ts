import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { openCheckpoint } from '@diptych/checkpoint';
import { GenerateRequestSchema, PromptSchema } from '@diptych/contract';
import { describeModel } from '@diptych/models';
import { loadTokenizer } from './load-tokenizer.ts';
import { PromptReader } from './prompt-reader.ts';
import { embedding, TINY_CHECKPOINT } from './spec/service.ts';
import { validateGenerate } from './validate-generate.ts';

const checkpoint = await openCheckpoint(TINY_CHECKPOINT);
const model = await describeModel(checkpoint);
const tokenizer = await loadTokenizer(checkpoint, model.family);

/** One tile of 16 tokens. */
const LAYOUT = {
  sourceWidth: 96,
  sourceHeight: 72,
  processedWidth: 64,
  processedHeight: 64,
  rows: 0,
  columns: 0,
  tileTokens: [16],
};
const PROMPT = create(PromptSchema, { segments: [{ segment: { case: 'imageIndex', value: 0 } }] });

test('layouts of more tokens than are counted are refused before any becomes text', () => {
  const expandImage = () => assert.fail('a layout was expanded');
  const prompts = new PromptReader({ model: { ...model, expandImage }, tokenizer, capacity: 64 });
  const layouts = Array.from({ length: 9 }, () => LAYOUT);
  assert.throws(() => prompts.read(PROMPT, layouts, 'images'), {
    code: 'context_length_exceeded',
    param: 'messages',
    message: /more than 128 tokens/,
  });
});

test('an image without a placeholder for each of its rows is refused, not dropped', () => {
  const language = { ...model.language, imageTokenId: model.language.imageTokenId + 1, graphPath: '' };
  const prompts = new PromptReader({ model: { ...model, language }, tokenizer, capacity: 256 });
  const fingerprint = 'f'.repeat(64);
  const limits = { fingerprint, vision: { ...model.vision, graphPath: '' }, language };
  const request = create(GenerateRequestSchema, { prompt: PROMPT, images: [embedding(fingerprint)] });
  assert.throws(() => validateGenerate(request, { model: limits, prompts }), {
    code: 'image_count_mismatch',
    param: 'images[0]',
    message: /16 feature rows.* 0 image placeholders/,
  });
});
