import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Engine } from './engine.ts';
import type { SequenceRequest } from './request.ts';
import { DeterministicDecoder } from './spec-support/deterministic-decoder.ts';
import { generate, request, watch } from './spec-support/requests.ts';

const IMAGE = 0;

/** A prompt of 4 tokens, an image of 3 rows, and a question. */
function imageRequest(digest: string, question: readonly number[], others: Partial<SequenceRequest> = {}) {
  const value = digest.charCodeAt(0) / 100;
  return request(
    [9, 4, 17, 3, IMAGE, IMAGE, IMAGE, ...question],
    {},
    {
      imagePositions: Int32Array.of(4, 5, 6),
      imageFeatures: Float32Array.from({ length: 6 }, (_, i) => value + i),
      images: [{ digest, rows: 3 }],
      ...others,
    },
  );
}

async function cachedTokens(engine: Engine, wanted: SequenceRequest): Promise<number> {
  return (await watch(engine, wanted).finished).usage.cachedTokens;
}

test('a second question about the same image starts after the image', async () => {
  const decoder = new DeterministicDecoder();
  const engine = new Engine({ decoder });
  assert.equal(await cachedTokens(engine, imageRequest('a', [20, 21])), 0);
  assert.equal(await cachedTokens(engine, imageRequest('a', [22, 23])), 7);
  const prefills = decoder.calls.flatMap((call) => (call.kind === 'prefill' ? [call.step] : []));
  assert.deepEqual(
    prefills.map(({ past, ids, images }) => [past, ids.length, images.positions.length]),
    [
      [0, 9, 3],
      [7, 2, 0],
    ],
    'only the rest is computed',
  );
});

test('a next turn starts after the prompt of the turn before', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder() });
  const first = imageRequest('a', [20, 21]);
  const answer = await generate(engine, first);
  const next = imageRequest('a', [20, 21, ...answer, 5, 6]);
  assert.equal(await cachedTokens(engine, next), first.promptIds.length);
});

test('another image is computed, whatever the ids say', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }) });
  await generate(engine, imageRequest('a', [20, 21]));
  const second = watch(engine, imageRequest('b', [20, 21]));
  assert.equal((await second.finished).usage.cachedTokens, 4);
  const alone = await generate(
    new Engine({ decoder: new DeterministicDecoder() }),
    imageRequest('b', [20, 21]),
  );
  assert.deepEqual(second.ids, alone);
});

test('an image answer is the same for every size of prefill chunk', async () => {
  const run = (prefillChunk: number) =>
    generate(new Engine({ decoder: new DeterministicDecoder(), prefillChunk }), imageRequest('a', [20, 21]));
  const whole = await run(256);
  for (const size of [1, 2, 3, 4, 5, 6, 7, 8]) assert.deepEqual(await run(size), whole, `chunks of ${size}`);
});

test('the image is counted in the usage', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder() });
  const { usage } = await watch(engine, imageRequest('a', [20, 21])).finished;
  assert.deepEqual(usage, { promptTokens: 9, completionTokens: 10, imageTokens: 3, cachedTokens: 0 });
});

test('nothing is shared between cache salts', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }) });
  await generate(engine, imageRequest('a', [20], { cacheSalt: 'one' }));
  assert.equal(await cachedTokens(engine, imageRequest('a', [20], { cacheSalt: 'two' })), 0);
  assert.equal(await cachedTokens(engine, imageRequest('a', [20], { cacheSalt: 'two' })), 7);
});

test('the contents of a sequence that failed are not used again', async () => {
  const decoder = new DeterministicDecoder({ slots: 1 });
  const engine = new Engine({ decoder });
  decoder.after = (call) => {
    if (call.kind === 'decode') call.logits.fill(Number.NaN);
  };
  assert.equal((await watch(engine, imageRequest('a', [20])).failed).code, 'internal');
  decoder.after = () => undefined;
  assert.equal(await cachedTokens(engine, imageRequest('a', [20])), 0);
});

test('what a cancelled sequence computed is used again', async () => {
  const decoder = new DeterministicDecoder({ slots: 1 });
  const engine = new Engine({ decoder });
  const first = watch(engine, imageRequest('a', [20]), (event) => {
    if (event.index === 2) first.generation.cancel();
    return 'continue';
  });
  await first.failed;
  assert.equal(first.ids.length, 3);
  assert.equal(await cachedTokens(engine, imageRequest('a', [20])), 7);
});

describe('prompts that begin alike and arrive together', () => {
  const SYSTEM = Array.from({ length: 40 }, (_, i) => 3 + ((i * 7) % 20));
  const prompts = [2, 4, 6, 8, 10, 12].map((id) => [...SYSTEM, id, id + 1]);

  async function ask(requests: readonly SequenceRequest[]) {
    const decoder = new DeterministicDecoder();
    const engine = new Engine({ decoder, prefillChunk: 16 });
    const all = requests.map((one) => watch(engine, one));
    const cached = await Promise.all(all.map(async ({ finished }) => (await finished).usage.cachedTokens));
    const rows = decoder.calls.flatMap((call) => (call.kind === 'prefill' ? [call.step.ids.length] : []));
    return { ids: all.map(({ ids }) => ids), cached, rows: rows.reduce((sum, count) => sum + count, 0) };
  }

  test('compute the beginning about once, in all slots together', async () => {
    const { ids, cached, rows } = await ask(prompts.map((prompt) => request(prompt)));
    const copied = cached.reduce((sum, count) => sum + count, 0);
    assert.equal(rows, 6 * 42 - copied, 'what was not copied was computed');
    assert.ok(rows <= 42 + 5 * (2 + 16), `${rows} rows: at most one part of a prompt more for each`);
    for (const [i, prompt] of prompts.entries()) {
      const alone = new Engine({ decoder: new DeterministicDecoder() });
      assert.deepEqual(ids[i], await generate(alone, request(prompt)));
    }
  });

  test('unless their salts differ', async () => {
    const { cached } = await ask(
      prompts.slice(0, 4).map((prompt, i) => request(prompt, {}, { cacheSalt: String(i) })),
    );
    assert.deepEqual(cached, [0, 0, 0, 0]);
  });

  test('or their images', async () => {
    const withImage = (digest: string) => {
      const [first = 0, second = 0, ...others] = SYSTEM;
      return request([first, second, IMAGE, ...others], undefined, {
        imagePositions: Int32Array.of(2),
        imageFeatures: Float32Array.of(digest.charCodeAt(0), 1),
        images: [{ digest, rows: 1 }],
      });
    };
    const { ids, cached } = await ask(['a', 'b', 'a'].map(withImage));
    assert.deepEqual(cached, [0, 0, 40]);
    assert.deepEqual(ids[0], ids[2]);
    assert.notDeepEqual(ids[0], ids[1]);
  });
});
