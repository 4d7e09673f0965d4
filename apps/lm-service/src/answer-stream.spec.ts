import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SequenceRequest } from '@diptych/generation';
import { validateSampling } from '@diptych/generation';
import { Detokenizer } from '@diptych/text';
import { AnswerStream, type GenerateEvent } from './answer-stream.ts';
import { EventBuffer } from './event-buffer.ts';

/** A vocabulary in which each id is one byte. */
const TABLE = { tokenBytes: (id: number) => Uint8Array.of(id), isSpecial: () => false };
const TOKENIZER = { ...TABLE, createDetokenizer: () => new Detokenizer(TABLE) };
const SUMMARY = {
  reason: 'length',
  usage: { promptTokens: 1, completionTokens: 1, imageTokens: 0, cachedTokens: 0 },
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
} as const;

function stream(options: { stop?: string[]; resumeIds?: number[]; limit?: number } = {}) {
  const events = new EventBuffer<GenerateEvent>(options.limit ?? 100);
  const request: SequenceRequest = {
    promptIds: Int32Array.of(1),
    imagePositions: new Int32Array(0),
    imageFeatures: new Float32Array(0),
    images: [],
    sampling: validateSampling({ stop: options.stop ?? [] }),
    endTokenIds: [0],
    resumeIds: Int32Array.from(options.resumeIds ?? []),
    cacheSalt: '',
  };
  return { events, answer: new AnswerStream(TOKENIZER, request, events) };
}

/** Lets the answer hear a text's bytes, each in a step of its own. */
async function hear(answer: AnswerStream, text: string): Promise<void> {
  for (const [index, id] of Buffer.from(text).entries()) {
    answer.token({ id, index, end: false });
    await Promise.resolve();
  }
}

async function told(events: EventBuffer<GenerateEvent>) {
  const all = await Array.fromAsync(events);
  return all.flatMap(({ event }) => {
    if (event?.case === 'delta') return [[event.value.text, event.value.tokenIds?.length]];
    return event?.case === 'finished' ? [[event.value.stopString]] : [];
  });
}

test('ids whose text is held back come with the next text', async () => {
  const { events, answer } = stream({ stop: ['xyz'] });
  await hear(answer, 'aéxyb');
  answer.finished(SUMMARY);
  assert.deepEqual(await told(events), [['a', 1], ['é', 2], ['xyb', 3], ['']]);
});

test('text that the end sets free comes with the last id', async () => {
  const { events, answer } = stream({ stop: ['xyz'] });
  await hear(answer, 'a');
  answer.token({ id: 0x78, index: 1, end: false });
  answer.token({ id: 0, index: 2, end: true });
  answer.finished(SUMMARY);
  assert.deepEqual(await told(events), [['a', 1], ['x', 2], ['']]);
});

test('after a stop string only its ids are left to tell', async () => {
  const { events, answer } = stream({ stop: ['xy'] });
  await hear(answer, 'ax');
  assert.equal(answer.token({ id: 0x79, index: 2, end: false }), 'stop');
  answer.finished({ ...SUMMARY, reason: 'stop' });
  assert.deepEqual(await told(events), [['a', 1], ['', 2], ['xy']]);
});

test('resumed tokens are heard in silence, the stop string they began included', async () => {
  const { events, answer } = stream({ stop: ['xyz'], resumeIds: [...Buffer.from('axy')] });
  await hear(answer, 'b');
  answer.finished(SUMMARY);
  assert.deepEqual(await told(events), [['xyb', 1], ['']]);
});

test('the owner hears of a reader that is too slow, once there is no room for a Delta', async () => {
  const { answer } = stream({ limit: 2 });
  let overflows = 0;
  answer.onOverflow = () => {
    overflows += 1;
  };
  await hear(answer, 'ab');
  assert.equal(overflows, 0);
  await hear(answer, 'c');
  assert.equal(overflows, 1);
});
