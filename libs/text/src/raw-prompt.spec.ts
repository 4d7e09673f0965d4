import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { loadGolden, readGoldens } from './golden.ts';
import type { Segment } from './prompt.ts';
import { type DetokenizeOptions, Tokenizer } from './tokenizer.ts';

/** What the reference makes of prompts as `processor(text=prompt, images=images)`; make_raw_prompt_golden.py made it. */
interface RawPromptGolden {
  /** Name of a tokeniser of tokenizer-golden.jsonl. */
  readonly tokenizer: string;
  readonly start: string;
  readonly cases: readonly {
    readonly prompt: string;
    readonly addSpecialTokens: boolean;
    readonly ids: readonly number[];
  }[];
}

const FILE = new URL('./fixtures/raw-prompt-golden.json', import.meta.url);
const GOLDENS = JSON.parse(readFileSync(FILE, 'utf8')) as RawPromptGolden[];

/** Placeholders of one image in the golden cases. */
const EXPANSION = '<image>'.repeat(4);

function load({ tokenizer: name, start }: RawPromptGolden): Tokenizer {
  const golden = readGoldens().find((candidate) => candidate.name === name);
  return Tokenizer.load({ tokenizer: golden?.tokenizer, tokenizerConfig: { bos_token: start } });
}

/** A prompt as its caller wrote it, an image in place of each placeholder. */
function toSegments(prompt: string): Segment[] {
  return prompt.split('<image>').flatMap((text, index): Segment[] => {
    const piece: Segment = { kind: 'template', text };
    return index === 0 ? [piece] : [{ kind: 'image', index: index - 1 }, piece];
  });
}

for (const golden of GOLDENS) {
  describe(`a raw prompt for a tokeniser like ${golden.tokenizer}`, () => {
    const tokenizer = load(golden);
    const imageTokenId = tokenizer.tokenId('<image>') ?? -1;

    for (const { prompt, addSpecialTokens, ids } of golden.cases) {
      const how = addSpecialTokens ? 'with' : 'without';
      test(`has the ids of the reference ${how} special tokens: ${JSON.stringify(prompt)}`, () => {
        const segments = toSegments(prompt);
        const expansions = segments.filter(({ kind }) => kind === 'image').map(() => EXPANSION);
        const encoded = tokenizer.encodePrompt(segments, expansions, { imageTokenId, addSpecialTokens });
        assert.deepEqual([...encoded.ids], ids);
        assert.equal(encoded.imagePositions.length, expansions.length * 4);
      });
    }
  });
}

test('an answer that continues a text keeps the space that its first token begins with', () => {
  const tokenizer = loadGolden('mistral');
  const ids = ['▁', 'a'].map((token) => tokenizer.tokenId(token) ?? -1);
  const say = (options?: DetokenizeOptions) => {
    const detokenizer = tokenizer.createDetokenizer(options);
    return ids.map((id) => detokenizer.push(id)).join('') + detokenizer.finish();
  };
  assert.equal(say(), 'a');
  assert.equal(say({ continuesText: true }), ' a');
});
