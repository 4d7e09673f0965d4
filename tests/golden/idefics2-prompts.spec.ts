import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { describeModel } from '@diptych/models';
import { imageNeighbours, type Segment, Tokenizer } from '@diptych/text';

/** A prompt and the ids that transformers' Idefics2Processor makes of it, with images of two latents a tile. */
interface ReferencePrompt {
  readonly split: boolean;
  readonly prompt: string;
  readonly ids: readonly number[];
}

const FIXTURES = join(import.meta.dirname, 'fixtures');
const checkpoint = await openCheckpoint(join(FIXTURES, 'idefics2-bfloat16-sharded/checkpoint'));
const model = await describeModel(checkpoint);
const tokenizer = Tokenizer.load({
  tokenizer: await checkpoint.readJson('tokenizer.json'),
  tokenizerConfig: await checkpoint.readJson('tokenizer_config.json'),
  modelType: model.family,
});
const prompts = JSON.parse(
  await readFile(join(FIXTURES, 'idefics2-prompts.json'), 'utf8'),
) as readonly ReferencePrompt[];

for (const { split, prompt, ids } of prompts) {
  test(`${JSON.stringify(prompt)} has the ids of the reference, with images ${split ? 'split' : 'whole'}`, () => {
    assert.deepEqual(encode(prompt, split), ids);
  });
}

function encode(prompt: string, split: boolean): number[] {
  const segments = segmentsOf(prompt);
  const beside = imageNeighbours(segments);
  const expansions = Array.from(beside.keys(), (index) =>
    model.expandImage(layout(split), beside.get(index)),
  );
  const options = { imageTokenId: model.language.imageTokenId };
  return [...tokenizer.encodePrompt(segments, expansions, options).ids];
}

function segmentsOf(prompt: string): Segment[] {
  const [first = '', ...rest] = prompt.split('<image>');
  const template = (text: string): Segment => ({ kind: 'template', text });
  return [
    template(first),
    ...rest.flatMap((text, index) => [{ kind: 'image', index } as const, template(text)]),
  ];
}

function layout(split: boolean) {
  const side = split ? 2 : 0;
  const sizes = { sourceWidth: 60, sourceHeight: 40, processedWidth: 28, processedHeight: 28 };
  return { ...sizes, rows: side, columns: side, tileTokens: Array<number>(split ? 5 : 1).fill(2) };
}
