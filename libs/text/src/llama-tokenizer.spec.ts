import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Tokenizer } from './tokenizer.ts';
import type { JsonObject } from './tokenizer-json.ts';

const FOLDER = '../../../tests/golden/fixtures/idefics2-bfloat16-sharded/checkpoint/';

const readJson = async (file: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`${FOLDER}${file}`, import.meta.url), 'utf8'));

const tokenizer = await readJson('tokenizer.json');
const config = (await readJson('tokenizer_config.json')) as JsonObject;

const TEXT = 'User:<image> What?<end_of_utterance>\nAssistant:';

/** What AutoTokenizer of transformers 5.23 makes of the text with this tokenizer_config.json. */
const REFERENCE: readonly [name: string, change: JsonObject, ids: readonly number[]][] = [
  [
    'a space before each part of the text',
    { legacy: true },
    [1, 288, 330, 303, 262, 361, 288, 331, 302, 264, 362, 288, 259, 327, 354, 357, 285, 262],
  ],
  [
    'a space before the first part',
    { legacy: false },
    [1, 288, 330, 303, 262, 361, 288, 331, 302, 264, 362, 259, 327, 354, 357, 285, 262],
  ],
  [
    'no space of its own',
    { add_prefix_space: false },
    [1, 330, 303, 262, 361, 288, 331, 302, 264, 362, 259, 327, 354, 357, 285, 262],
  ],
  [
    'what the file says, where that names another class',
    { tokenizer_class: 'PreTrainedTokenizerFast' },
    [1, 288, 330, 303, 262, 361, 288, 288, 331, 302, 264, 362, 288, 259, 327, 354, 357, 285, 262],
  ],
];

for (const [name, change, ids] of REFERENCE) {
  test(`a tokeniser that the reference rebuilds has ${name}`, () => {
    assert.deepEqual(encode({ ...config, ...change }, 'idefics2'), ids);
  });
}

test('a tokeniser of another family is taken as the file has it', () => {
  const asWritten = REFERENCE.at(-1)?.[2];
  assert.deepEqual(encode(config, 'llava'), asWritten);
  assert.deepEqual(encode(config, undefined), asWritten);
});

test('a rebuilt tokeniser decodes what it encodes', () => {
  const loaded = Tokenizer.load({ tokenizer, tokenizerConfig: config, modelType: 'idefics2' });
  const decoder = loaded.createDetokenizer();
  const ids = encode({ ...config, legacy: false }, 'idefics2').slice(1, 5);
  assert.equal(ids.map((id) => decoder.push(id)).join('') + decoder.finish(), 'User:');
});

function encode(tokenizerConfig: JsonObject, modelType: string | undefined): number[] {
  const loaded = Tokenizer.load({ tokenizer, tokenizerConfig, modelType });
  return [...loaded.encodePrompt([{ kind: 'template', text: TEXT }], [], { imageTokenId: 361 }).ids];
}
