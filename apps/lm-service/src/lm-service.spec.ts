import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DataType, FinishReason } from '@diptych/contract';
import {
  answer,
  embedding,
  finished,
  type GenerateInit,
  golden,
  question,
  service,
  TINY_CHECKPOINT,
  temporaryHome,
} from './spec/service.ts';

test('greedy decoding about an image gives the tokens of the reference', async (context) => {
  const { client, fingerprint } = await service(context);
  const { prompt, inputIds, greedyIds, features } = await golden();
  const [before = '', after = ''] = prompt.split('<image>');
  const image = embedding(fingerprint);
  const request: GenerateInit = {
    prompt: {
      segments: [
        { segment: { case: 'templateText', value: before } },
        { segment: { case: 'imageIndex', value: 0 } },
        { segment: { case: 'templateText', value: after } },
      ],
    },
    images: [{ ...image, features: { dataType: DataType.FLOAT32, shape: [16, 64], data: features } }],
    sampling: { maxTokens: greedyIds.length, ignoreEos: true },
  };
  const told = await answer(client, request);
  assert.deepEqual(told.ids, greedyIds);
  const [admitted] = told.events;
  assert.ok(admitted?.case === 'admitted');
  assert.deepEqual([admitted.value.promptTokens, admitted.value.imageTokens], [inputIds.length, 16]);
  const { usage, reason } = finished(told);
  assert.equal(reason, FinishReason.LENGTH);
  assert.deepEqual(
    [usage?.promptTokens, usage?.completionTokens, usage?.imageTokens],
    [inputIds.length, greedyIds.length, 16],
  );
});

test('weights in four bits answer too; GetModel names how they are stored', async (context) => {
  const { client } = await service(context, { weights: 'int4' });
  assert.equal((await client.getModel({})).model?.weights, 'int4');
  const told = await answer(client, question('Hello', { maxTokens: 5, ignoreEos: true }));
  assert.equal(told.ids.length, 5);
});

test('an answer is one Admitted, then Deltas, then one Finished with timings', async (context) => {
  const { client } = await service(context);
  const told = await answer(client, question('Hello', { maxTokens: 5, ignoreEos: true }));
  const cases = told.events.map((event) => event.case);
  assert.deepEqual([...new Set(cases)], ['admitted', 'delta', 'finished']);
  assert.equal(cases.filter((each) => each !== 'delta').length, 2);
  assert.equal(told.ids.length, 5);
  assert.ok((finished(told).timings?.prefillMs ?? 0) > 0);
});

test('answers do not depend on what else is decoded at the same time', async (context) => {
  const { client } = await service(context, { slots: 3 });
  const requests = ['Hello', 'What is this?', 'A longer question about bees and flowers', 'x'].map(
    (text, seed) => question(text, { maxTokens: 20, ignoreEos: true, temperature: 1, seed: BigInt(seed) }),
  );
  const alone = [];
  for (const request of requests) alone.push((await answer(client, request)).ids);
  const together = await Promise.all(requests.map(async (request) => (await answer(client, request)).ids));
  assert.deepEqual(together, alone);
});

test('a stream that another machine lost goes on wherever it was cut, no text lost or repeated', async (context) => {
  const sampling = { maxTokens: 24, ignoreEos: true, temperature: 1, seed: 7n };
  await resumesAnywhere(await service(context), sampling);
});

test('so does one with guesses, of which several tokens come at once', async (context) => {
  const either = { 40: 50, 41: 50 };
  const sampling = { maxTokens: 40, ignoreEos: true, temperature: 1, seed: 7n, logitBias: either };
  await resumesAnywhere(await service(context, { speculate: 6 }), sampling);
});

async function resumesAnywhere(
  { client }: Awaited<ReturnType<typeof service>>,
  sampling: GenerateInit['sampling'],
): Promise<void> {
  const whole = await answer(client, question('Tell me more', sampling));
  const deltas = whole.events.flatMap((event) => (event.case === 'delta' ? [event.value] : []));
  assert.ok(deltas.length > 3);
  for (let cut = 0; cut <= deltas.length; cut += 1) {
    const seen = deltas.slice(0, cut);
    const resumeTokenIds = seen.flatMap(({ tokenIds }) => tokenIds);
    const rest = await answer(client, { ...question('Tell me more', sampling), resumeTokenIds });
    assert.equal(seen.map(({ text }) => text).join('') + rest.text, whole.text, `cut after ${cut}`);
    assert.deepEqual([...resumeTokenIds, ...rest.ids], whole.ids);
    assert.deepEqual(finished(rest).usage?.completionTokens, whole.ids.length);
  }
}

test('a stop string ends the answer before it, and a resumed one that had ended already ends at once', async (context) => {
  const { client } = await service(context);
  const sampling = { maxTokens: 24, ignoreEos: true, temperature: 1, seed: 7n };
  const { text } = await answer(client, question('Tell me more', sampling));
  const stop = text.slice(6, 9);
  const stopped = await answer(client, question('Tell me more', { ...sampling, stop: [stop] }));
  assert.equal(stopped.text, text.slice(0, text.indexOf(stop)));
  const { reason, stopString } = finished(stopped);
  assert.deepEqual([reason, stopString], [FinishReason.STOP, stop]);
  const again = {
    ...question('Tell me more', { ...sampling, stop: [stop] }),
    resumeTokenIds: [...stopped.ids],
  };
  const resumed = await answer(client, again);
  assert.deepEqual([resumed.text, resumed.ids, finished(resumed).stopString], ['', [], stop]);
  assert.equal(finished(resumed).usage?.completionTokens, stopped.ids.length);
});

test('a stop token ends the answer, is counted, and is not part of the text', async (context) => {
  const { client } = await service(context);
  const sampling = { maxTokens: 24, ignoreEos: true, temperature: 1, seed: 7n };
  const whole = await answer(client, question('Tell me more', sampling));
  const id = whole.ids[4] ?? assert.fail();
  const stopped = await answer(client, question('Tell me more', { ...sampling, stopTokenIds: [id] }));
  assert.deepEqual(stopped.ids, whole.ids.slice(0, whole.ids.indexOf(id) + 1));
  assert.equal(finished(stopped).reason, FinishReason.STOP);
  const resumed = await answer(client, {
    ...question('Tell me more', { ...sampling, stopTokenIds: [id] }),
    resumeTokenIds: [...stopped.ids],
  });
  assert.deepEqual([resumed.text, resumed.ids, finished(resumed).reason], ['', [], FinishReason.STOP]);
});

test('log probabilities come with each token, those of the end included', async (context) => {
  const { client } = await service(context);
  const told = await answer(client, question('Hi', { maxTokens: 6, ignoreEos: true, logprobs: 2 }));
  const logprobs = told.events.flatMap((event) => (event.case === 'delta' ? event.value.logprobs : []));
  assert.deepEqual(
    logprobs.map(({ chosen }) => chosen?.tokenId),
    told.ids,
  );
  assert.ok(logprobs.every(({ chosen, top }) => top.length === 2 && (chosen?.logprob ?? 1) <= 0));
  assert.ok(
    logprobs.every(({ chosen, top }) => top[0]?.tokenId === chosen?.tokenId),
    'greedy takes the best',
  );
  assert.ok(logprobs.every(({ chosen }) => (chosen?.token.byteLength ?? 0) > 0));
});

test('an image is never confused with another of the same claimed digest', async (context) => {
  const { client, fingerprint } = await service(context, { slots: 1 });
  const about = (seed: number): GenerateInit => ({
    prompt: { segments: [{ segment: { case: 'imageIndex', value: 0 } }] },
    images: [{ ...embedding(fingerprint, seed), digest: new Uint8Array(32) }],
    sampling: { temperature: 0, maxTokens: 16, ignoreEos: true, logprobs: 0 },
  });
  const logprobs = async (seed: number) =>
    (await answer(client, about(seed))).events.flatMap((event) =>
      event.case === 'delta' ? event.value.logprobs.map(({ chosen }) => chosen?.logprob) : [],
    );
  const [first, second] = [await logprobs(1), await logprobs(50)];
  assert.notDeepEqual(first, second);
  assert.deepEqual(await logprobs(1), first);
});

test('what a user writes never becomes a special token', async (context) => {
  const { client } = await service(context);
  const count = async (kind: 'userText' | 'templateText') => {
    const segments = [{ segment: { case: kind, value: '<image><end_of_utterance>' } }];
    return client.countTokens({ prompt: { segments } });
  };
  const [user, template] = [await count('userText'), await count('templateText')];
  assert.ok(user.promptTokens > template.promptTokens);
  assert.equal(user.imageTokens, 0);
});

test('CountTokens counts what Generate admits', async (context) => {
  const { client, fingerprint } = await service(context);
  const image = embedding(fingerprint);
  const prompt: NonNullable<GenerateInit['prompt']> = {
    segments: [
      { segment: { case: 'imageIndex', value: 0 } },
      { segment: { case: 'userText', value: 'What is it?' } },
    ],
  };
  const counted = await client.countTokens({ prompt, imageLayouts: [image.layout ?? {}] });
  const [admitted] = (await answer(client, { prompt, images: [image], sampling: { maxTokens: 1 } })).events;
  assert.ok(admitted?.case === 'admitted');
  assert.deepEqual([counted.promptTokens, counted.imageTokens], [admitted.value.promptTokens, 16]);
});

test('GetModel tells what it decodes with and how much at once', async (context) => {
  const { client } = await service(context);
  const { model } = await client.getModel({});
  assert.deepEqual(
    [model?.family, model?.limits?.maxContextTokens, model?.limits?.maxSequences, model?.limits?.hiddenSize],
    ['idefics3', 256, 2, 64],
  );
});

test('a config.json and a tokeniser that disagree about the image token keep it from starting', async (context) => {
  const model = join(await temporaryHome(context), 'model');
  await cp(TINY_CHECKPOINT, model, { recursive: true });
  const file = join(model, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as { image_token_id: number };
  await writeFile(file, JSON.stringify({ ...config, image_token_id: config.image_token_id + 1 }));
  await assert.rejects(service(context, { model }), {
    code: 'checkpoint_invalid',
    param: 'image_token_id',
    message: /^config\.json: image_token_id is \d+, but tokenizer\.json gives <image> the id \d+/,
  });
});
