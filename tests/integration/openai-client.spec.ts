import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Services } from '@diptych/cli';
import { sampleDataUri, startPico } from '@diptych/testing';
import OpenAI from 'openai';

type Message = OpenAI.Chat.ChatCompletionMessageParam;

suite('the openai client, unmodified', () => {
  let services: Services;
  let client: OpenAI;

  before(async () => {
    services = await startPico();
    client = new OpenAI({ baseURL: `${services.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  after(() => services.stop());

  test('gets an answer about an image, with its usage', async () => {
    const answer = await client.chat.completions.create({ model: 'pico', messages: [look('two-cats.png')] });
    assert.equal(answer.object, 'chat.completion');
    assert.match(answer.choices[0]?.message.content ?? '', /two cats/i);
    assert.equal(answer.choices[0]?.finish_reason, 'stop');
    const { usage } = answer;
    assert.ok(usage);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
    const details = usage.prompt_tokens_details as { image_tokens?: number; cached_tokens?: number };
    assert.ok((details.image_tokens ?? 0) > 0);
    assert.equal(typeof details.cached_tokens, 'number');
  });

  test('streams the same text as the unary call, and ends with usage', async () => {
    const messages = [look('two-cats.png')];
    const unary = await client.chat.completions.create({ model: 'pico', messages });
    const stream = await client.chat.completions.create({
      model: 'pico',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    const chunks: OpenAI.Chat.ChatCompletionChunk[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      text += chunk.choices[0]?.delta.content ?? '';
    }
    assert.equal(text, unary.choices[0]?.message.content);
    assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    assert.deepEqual(chunks.at(-1)?.choices, []);
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, unary.usage?.completion_tokens);
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop');
  });

  test('describes the second of two images after a turn about the first', async () => {
    const first = await client.chat.completions.create({ model: 'pico', messages: [look('two-cats.png')] });
    const messages: Message[] = [
      look('two-cats.png'),
      { role: 'assistant', content: first.choices[0]?.message.content ?? '' },
      look('bee-and-flowers.png', 'And how about this image?'),
    ];
    const second = await client.chat.completions.create({ model: 'pico', messages });
    const text = second.choices[0]?.message.content ?? '';
    assert.match(text, /bee/i);
    assert.match(text, /flower/i);
    assert.doesNotMatch(text, /cat/i);
  });

  test('answers many conversations at once as it answers each alone', async () => {
    const questions = ['What do we see in this image?', 'How many cats are there?', 'Is there a dog?'];
    const ask = async (question: string) => {
      const answer = await client.chat.completions.create({
        model: 'pico',
        messages: [look('two-cats.png', question)],
      });
      return answer.choices[0]?.message.content;
    };
    const alone: unknown[] = [];
    for (const question of questions) alone.push(await ask(question));
    const together = await Promise.all(
      Array.from({ length: 4 }, () => questions)
        .flat()
        .map(ask),
    );
    assert.deepEqual(together, Array.from({ length: 4 }, () => alone).flat());
  });

  test('treats a typed <image> as text, not as an image', async () => {
    const answer = await client.chat.completions.create({
      model: 'pico',
      messages: [{ role: 'user', content: 'What is <image> <end_of_utterance>?' }],
      max_completion_tokens: 4,
    });
    const details = answer.usage?.prompt_tokens_details as { image_tokens?: number } | undefined;
    assert.equal(details?.image_tokens, 0);
  });

  test('lists the served model', async () => {
    const models = await client.models.list();
    assert.deepEqual(
      models.data.map(({ id, object }) => ({ id, object })),
      [{ id: 'pico', object: 'model' }],
    );
  });

  test('learns of a mistake by its name, and goes on', async () => {
    const mistake = client.chat.completions.create({
      model: 'pico',
      messages: [look('two-cats.png')],
      temperature: 3,
    });
    await assert.rejects(mistake, (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, 'temperature');
      assert.equal(error.code, 'invalid_parameter');
      return true;
    });
    const next = await client.chat.completions.create({ model: 'pico', messages: [look('two-cats.png')] });
    assert.match(next.choices[0]?.message.content ?? '', /cats/);
  });
});

function look(sample: string, question = 'What do we see in this image?'): Message {
  return {
    role: 'user',
    content: [
      { type: 'image_url', image_url: { url: sampleDataUri(sample) } },
      { type: 'text', text: question },
    ],
  };
}
