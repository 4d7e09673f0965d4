import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type CheckpointWeights, openCheckpoint } from '@diptych/checkpoint';
import { ChatTemplate, Tokenizer } from '@diptych/text';
import { findShape, SHAPES } from './shapes.ts';
import { chatTemplate, stubTokenizer, stubTokenizerConfig } from './stub-tokenizer.ts';
import { tensorList } from './tensor-list.ts';
import { requireRoom, writeCheckpoint } from './write-checkpoint.ts';

const TINY = findShape('tiny');

suite('a checkpoint of random weights', () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  });
  after(() => rm(home, { recursive: true }));

  test('has each tensor of its shape, in bfloat16 with the spread of a fresh model', async () => {
    const { weights } = await openCheckpoint(await writeCheckpoint({ home, shape: TINY }));
    assert.deepEqual(
      weights.names().map((name) => ({ name, ...weights.info(name) })),
      tensorList(TINY).map(({ name, shape }) => ({ name, dtype: 'BF16', shape })),
    );
    const table = await readTensor(weights, 'lm_head.weight');
    const variance = table.reduce((sum, value) => sum + value * value, 0) / table.length;
    assert.ok(Math.abs(Math.sqrt(variance) / TINY.initializerRange - 1) < 0.01);
    const norm = await readTensor(weights, 'model.text_model.norm.weight');
    assert.ok(norm.every((value) => value === 1));
  });

  test('is the same in shards, and whoever writes it', async () => {
    const whole = await openCheckpoint(await writeCheckpoint({ home, shape: TINY }));
    const elsewhere = join(home, 'elsewhere');
    const shards = await openCheckpoint(
      await writeCheckpoint({ home: elsewhere, shape: TINY, maxShardBytes: 100_000 }),
    );
    assert.ok(shards.weights.files.length > 2);
    for (const name of ['lm_head.weight', 'model.vision_model.encoder.layers.1.mlp.fc1.bias'])
      assert.deepEqual(await readTensor(shards.weights, name), await readTensor(whole.weights, name));
  });

  test('is written again after an interruption, and once complete never', async () => {
    const again = join(home, 'again');
    const partial = join(again, 'checkpoints/v1/tiny.partial');
    await mkdir(partial, { recursive: true });
    await writeFile(join(partial, 'model.safetensors'), 'half a header');
    const told: string[] = [];
    const options = { home: again, shape: TINY, onProgress: (message: string) => told.push(message) };
    const folder = await writeCheckpoint(options);
    await openCheckpoint(folder).then(({ weights }) => weights.names());
    assert.deepEqual(await readdir(join(again, 'checkpoints/v1')), ['tiny']);
    assert.equal(await writeCheckpoint(options), folder);
    assert.equal(told.length, 1, 'the second call writes nothing');
  });

  test('is not begun where the disk has no room for it', async () => {
    await assert.rejects(requireRoom(home, 1e18), /has .* GB free; the checkpoint takes 1000000000\.0 GB/);
  });
});

suite('a stub tokeniser', () => {
  for (const shape of SHAPES) {
    test(`of ${shape.name} has its vocabulary, and its special tokens at their ids`, () => {
      const sources = { tokenizer: stubTokenizer(shape), tokenizerConfig: stubTokenizerConfig(shape) };
      const tokenizer = Tokenizer.load(sources);
      assert.equal(tokenizer.vocabSize, shape.decoder.vocabulary);
      for (const { content, id } of shape.specialTokens) {
        assert.equal(tokenizer.tokenId(content), id);
        assert.ok(tokenizer.isSpecial(id));
      }
      const prompt = [{ kind: 'user' as const, text: 'Où?' }];
      const { ids } = tokenizer.encodePrompt(prompt, [], { imageTokenId: 1 });
      const bytes = Buffer.concat(Array.from(ids, (id) => tokenizer.tokenBytes(id)));
      assert.equal(bytes.toString(), `${shape.addsStartToken ? shape.startToken : ''}Où?`);
    });
  }

  test('has a template that writes a conversation as the models know it', () => {
    const image = { type: 'image' } as const;
    const template = ChatTemplate.load({
      jinja: chatTemplate(findShape('smolvlm-256m')),
      imageToken: '<image>',
    });
    const segments = template.render([
      { role: 'user', content: [image, { type: 'text', text: 'What is it?' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'A cat.' }] },
    ]);
    const text = segments.map((part) => (part.kind === 'image' ? '[image]' : part.text)).join('');
    assert.equal(
      text,
      '<|im_start|>User:[image]What is it?<end_of_utterance>\nAssistant: A cat.<end_of_utterance>\nAssistant:',
    );
  });
});

/** A tensor's values, from its bytes where the checkpoint says they lie. */
async function readTensor(weights: CheckpointWeights, name: string): Promise<Float32Array> {
  const { shape } = weights.info(name);
  const { path, offset } = weights.locate(name, shape);
  const halves = new Uint16Array(shape.reduce((product, size) => product * size, 1));
  await using file = await open(path);
  await file.read(halves, 0, halves.byteLength, offset);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}
