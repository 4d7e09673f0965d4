import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Services } from '@diptych/cli';
import { ChatService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { PICO, sampleDataUri, startPico } from '@diptych/testing';
import { type ChatMessage, ChatTemplate } from '@diptych/text';
import OpenAI from 'openai';

const CATS = sampleDataUri('two-cats.png');
const BEE = sampleDataUri('bee-and-flowers.png');
const TEMPLATE = join(PICO, 'chat_template.jinja');

/** The two-image conversation as chat takes it. */
const CONVERSATION: OpenAI.Chat.ChatCompletionMessageParam[] = [
  look(CATS, 'What do we see in this image?'),
  { role: 'assistant', content: ' Two cats.' },
  look(BEE, 'And how about this image?'),
];

/** The same as the template writes it. */
const PROMPT = await render([
  { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'What do we see in this image?' }] },
  { role: 'assistant', content: [{ type: 'text', text: ' Two cats.' }] },
  { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'And how about this image?' }] },
]);

/** What completions takes besides OpenAI's parameters. */
const IMAGES: object = { images: [CATS, { url: BEE, detail: 'auto' }] };

function connect({ url }: Services): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
}

suite('completions, with the openai client', () => {
  let services: Services;
  let client: OpenAI;

  before(async () => {
    services = await startPico();
    client = connect(services);
  });
  after(() => services.stop());

  const complete = (body: object = {}) =>
    client.completions.create({ model: 'pico', prompt: PROMPT, max_tokens: 40, ...IMAGES, ...body });

  test('the template’s own rendering as the prompt gives the text of chat, with the same tokens', async () => {
    const chat = await client.chat.completions.create({ model: 'pico', messages: CONVERSATION });
    const raw = await complete();
    assert.equal(raw.object, 'text_completion');
    assert.match(raw.choices[0]?.text ?? '', /bee/i);
    assert.equal(raw.choices[0]?.text, chat.choices[0]?.message.content);
    assert.equal(raw.choices[0]?.finish_reason, 'stop');
    assert.equal(raw.usage?.prompt_tokens, chat.usage?.prompt_tokens);
    assert.equal(
      raw.usage?.prompt_tokens_details?.image_tokens,
      chat.usage?.prompt_tokens_details?.image_tokens,
    );
  });

  test('streams the same text as the unary call, and ends with usage', async () => {
    const unary = await complete();
    const stream = await client.completions.create({
      ...{ model: 'pico', prompt: PROMPT, max_tokens: 40, ...IMAGES },
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    assert.equal(chunks.map(({ choices }) => choices[0]?.text ?? '').join(''), unary.choices[0]?.text);
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    assert.deepEqual(chunks.at(-1)?.choices, []);
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, unary.usage?.completion_tokens);
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop');
  });

  test('reports log probabilities whose tokens make the text', async () => {
    const { choices } = await complete({ logprobs: 2, max_tokens: 5, temperature: 0 });
    const { tokens = [], text_offset: offsets = [], top_logprobs: top = [] } = choices[0]?.logprobs ?? {};
    assert.equal(
      tokens
        .slice(0, offsets.length)
        .join('')
        .startsWith(choices[0]?.text ?? '-'),
      true,
    );
    assert.equal(offsets[0], PROMPT.length);
    for (const [index, token] of tokens.entries()) {
      assert.ok(Object.hasOwn(top[index] ?? {}, token), 'the chosen token is among the likely ones');
      assert.equal(Object.keys(top[index] ?? {}).length, 2);
    }
  });

  test('a wrong number of images costs one error with both counts, and the next request works', async () => {
    await assert.rejects(complete({ images: [CATS] }), (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.deepEqual([error.code, error.param], ['image_count_mismatch', 'images']);
      assert.match(error.message, /2 image placeholders <image>, but images has 1/);
      return true;
    });
    assert.match((await complete()).choices[0]?.text ?? '', /bee/i);
  });

  test('a prompt longer than the context is told of the prompt', async () => {
    const long = complete({ prompt: 'cat bee dog '.repeat(3000), images: null });
    await assert.rejects(long, { code: 'context_length_exceeded', param: 'prompt' });
  });

  test('gRPC completes the same prompt, and keeps a user’s text apart', async () => {
    using grpc = createClient(ChatService, { address: services.grpc });
    const image = (value: string) => ({ part: { case: 'imageUrl' as const, value } });
    const raw = (value: string) => ({ part: { case: 'rawText' as const, value } });
    const [before = '', between = '', behind = ''] = PROMPT.split('<image>');
    const prompt = [raw(before), image(CATS), raw(between), image(BEE), raw(behind)];
    const events = await Array.fromAsync(grpc.complete({ prompt, sampling: { maxTokens: 40 } }));
    const text = events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('');
    assert.equal(text, (await complete()).choices[0]?.text);
    const typed = { part: { case: 'userText' as const, value: '<image><end_of_utterance>' } };
    const [first] = await Array.fromAsync(grpc.complete({ prompt: [typed], sampling: { maxTokens: 1 } }));
    assert.ok(first?.event.case === 'admitted');
    assert.equal(first.event.value.imageTokens, 0);
    assert.ok(first.event.value.promptTokens > 2);
  });
});

suite('a checkpoint without a chat template', () => {
  let folder: string;
  let base: string;
  let services: Services;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'diptych-base-'));
    base = join(folder, 'base');
    await copyWithoutTemplate(base);
    services = await startPico({ model: base });
  });
  after(async () => {
    await services.stop();
    await rm(folder, { recursive: true });
  });

  test('is ready, and tells a conversation both ways on', async () => {
    const chat = connect(services).chat.completions.create({ model: 'base', messages: CONVERSATION });
    await assert.rejects(chat, (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.code, 'chat_template_missing');
      assert.match(error.message, /POST \/v1\/completions.*--chat-template FILE/);
      return true;
    });
    using grpc = createClient(ChatService, { address: services.grpc });
    const messages = [{ role: 'user', content: [{ part: { case: 'text' as const, value: 'Hello' } }] }];
    const refused = { code: 'chat_template_missing' };
    await assert.rejects(Array.fromAsync(grpc.chat({ messages })), refused);
    await assert.rejects(grpc.countTokens({ messages }), refused);
  });

  test('continues a raw prompt', async () => {
    const body = { model: 'base', prompt: PROMPT, max_tokens: 40, ...IMAGES };
    const { choices } = await connect(services).completions.create(body);
    assert.match(choices[0]?.text ?? '', /bee/i);
  });

  test('answers conversations with the template of a file', async () => {
    await using templated = await startPico({ model: base, chatTemplate: TEMPLATE });
    const chat = await connect(templated).chat.completions.create({ model: 'base', messages: CONVERSATION });
    assert.match(chat.choices[0]?.message.content ?? '', /bee/i);
  });

  test('does not start with a broken template, and names the file', async () => {
    const broken = join(folder, 'broken.jinja');
    await writeFile(broken, '{% for message in %}');
    const start = startPico({ model: base, chatTemplate: broken });
    await assert.rejects(start, /--chat-template: .*broken\.jinja: .* Jinja.*configuration_invalid/);
  });
});

/** A checkpoint like the bundled one without its template. */
async function copyWithoutTemplate(target: string): Promise<void> {
  await mkdir(target);
  const files = (await readdir(PICO, { withFileTypes: true })).filter((entry) => entry.isFile());
  for (const { name } of files)
    if (name !== 'chat_template.jinja') await symlink(join(PICO, name), join(target, name));
}

async function render(messages: readonly ChatMessage[]): Promise<string> {
  const jinja = await readFile(TEMPLATE, 'utf8');
  const template = ChatTemplate.load({ jinja, imageToken: '<image>' });
  const pieces = template.render(messages);
  return pieces.map((piece) => (piece.kind === 'image' ? '<image>' : piece.text)).join('');
}

function look(url: string, text: string): OpenAI.Chat.ChatCompletionUserMessageParam {
  return {
    role: 'user',
    content: [
      { type: 'image_url', image_url: { url } },
      { type: 'text', text },
    ],
  };
}
