import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ChatBody, EmbeddedModel } from './api.ts';
import { openModel } from './open-model.ts';

const ROOT = join(import.meta.dirname, '../../..');
const OPTIONS = {
  model: join(ROOT, 'models/pico'),
  home: join(ROOT, 'node_modules/.cache/diptych'),
  slots: 2,
};

/** A question about two cats whose answer would go on for long. */
async function longQuestion(): Promise<ChatBody> {
  const url = await readFile(join(ROOT, 'samples/two-cats.png'));
  return {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url } },
          { type: 'text', text: 'What do we see in this image?' },
        ],
      },
    ],
    ignore_eos: true,
    max_tokens: 500,
  };
}

suite('a model in this process', () => {
  let model: EmbeddedModel;
  before(async () => {
    model = await openModel(OPTIONS);
  });
  after(() => model.close());

  test('answers about the bytes of an image, in chunks and whole, with the same text', async () => {
    const body = { ...(await longQuestion()), ignore_eos: false };
    let text = '';
    for await (const { choices } of model.chat(body)) text += choices[0]?.delta.content ?? '';
    assert.match(text, /cats/);
    const { choices, usage } = await model.chat(body).whole();
    assert.equal(choices[0]?.message.content, text);
    assert.ok(usage.prompt_tokens_details.image_tokens > 0);
  });

  test('a reader may take its time: nothing is lost, and another answer goes on meanwhile', async () => {
    const body = { ...(await longQuestion()), stream_options: { include_usage: true } };
    const chunks = model.chat(body)[Symbol.asyncIterator]();
    await chunks.next();
    const { usage } = await model.chat({ ...body, max_tokens: 600 }).whole();
    assert.equal(usage.completion_tokens, 600);
    const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => chunks });
    assert.equal(rest.at(-1)?.usage?.completion_tokens, 500);
  });

  test('leaving the iteration frees the slot', async () => {
    for (let round = 0; round < 5; round += 1) {
      for await (const { choices } of model.chat(await longQuestion())) if (choices[0]?.delta.content) break;
    }
    const { usage } = await model
      .chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3 })
      .whole();
    assert.equal(usage.completion_tokens <= 3, true);
  });

  test('an abort ends the answer with `cancelled`, its reason as the cause', async () => {
    const controller = new AbortController();
    const answer = model.chat(await longQuestion(), { signal: controller.signal });
    const reason = new Error('enough');
    const read = async () => {
      for await (const { choices } of answer) if (choices[0]?.delta.content) controller.abort(reason);
    };
    await assert.rejects(read, { code: 'cancelled', cause: reason });
    await assert.rejects(answer.whole(), { code: 'cancelled' });
  });

  test('an image that is no image is told of by its field', async () => {
    const url = new TextEncoder().encode('not an image');
    const content = [{ type: 'image_url', image_url: { url } }] as const;
    const param = 'messages[0].content[0].image_url.url';
    const answer = model.chat({ messages: [{ role: 'user', content }] });
    await assert.rejects(answer.whole(), { name: 'DiptychError', code: 'image_not_decodable', param });
  });

  test('files are not read for a conversation, which may come from anywhere', async () => {
    const content = [{ type: 'image_url', image_url: { url: 'file:///etc/hostname' } }] as const;
    const answer = model.chat({ messages: [{ role: 'user', content }] });
    await assert.rejects(answer.whole(), { code: 'image_url_forbidden' });
  });
});

test('closing ends what runs, and what comes later, with `shutting_down`', async () => {
  const model = await openModel(OPTIONS);
  const chunks = model.chat(await longQuestion())[Symbol.asyncIterator]();
  await chunks.next();
  const whole = assert.rejects(model.chat(await longQuestion()).whole(), { code: 'shutting_down' });
  await model.close();
  await whole;
  await assert.rejects(chunks.next(), { code: 'shutting_down' });
  await assert.rejects(model.chat(await longQuestion()).whole(), { code: 'shutting_down' });
});

test('a wrong option is refused in words', async () => {
  await assert.rejects(openModel({ ...OPTIONS, slots: 0 }), {
    code: 'configuration_invalid',
    param: 'slots',
  });
  const misspelled = { ...OPTIONS, thread: 2 };
  await assert.rejects(openModel(misspelled), { code: 'configuration_invalid', param: 'thread' });
  await assert.rejects(openModel({ model: '/no/such/folder' }), { code: 'checkpoint_not_found' });
});
