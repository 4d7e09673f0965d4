import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Services } from '@diptych/cli';
import {
  type Answer,
  type ChatBody,
  type CompletionBody,
  DiptychError,
  type EmbeddedModel,
  openModel,
} from '@diptych/embedded';
import { MODEL_HOME, PICO, sampleDataUri, startPico } from '@diptych/testing';

/** One slot and one place to wait: whatever keeps a slot is found out by the next but one. */
const LIMITS = { slots: 1, queue: 1, context: 512 } as const;

const CATS = image('two-cats.png');
const BEE = image('bee-and-flowers.png');
const QUESTION = { role: 'user', content: [CATS, { type: 'text', text: 'What do we see?' }] } as const;
const CONVERSATION = [
  QUESTION,
  { role: 'assistant', content: 'Two cats.' },
  { role: 'user', content: [BEE, { type: 'text', text: 'And how about this image?' }] },
] as const;

const CHATS: Readonly<Record<string, ChatBody>> = {
  'a text': { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 8 },
  'an image': { messages: [QUESTION], max_tokens: 30 },
  'the same image again, from the caches': { messages: [QUESTION], max_tokens: 30 },
  'two images over two turns': { messages: CONVERSATION, max_tokens: 30 },
  'usage in a last chunk': { messages: [QUESTION], stream_options: { include_usage: true }, max_tokens: 30 },
  'the end of the budget': { messages: [QUESTION], max_tokens: 2 },
  'a drawn answer': { messages: [QUESTION], temperature: 1.3, top_p: 0.9, seed: 7, max_tokens: 20 },
  'two drawn answers': { messages: [QUESTION], temperature: 1.3, seed: 7, n: 2, max_tokens: 10 },
  'log probabilities': { messages: [QUESTION], logprobs: true, top_logprobs: 3, max_tokens: 6 },
  'a stop string': { messages: [QUESTION], stop: 'ats', max_tokens: 30 },
  'penalties and a bias': {
    messages: [QUESTION],
    ...{ repetition_penalty: 1.3, frequency_penalty: 0.7, logit_bias: { 17: 4.5 }, min_tokens: 5 },
    max_tokens: 12,
  },
};

const PROMPTS: Readonly<Record<string, CompletionBody>> = {
  'a raw prompt': { prompt: 'A picture of', max_tokens: 6 },
  'a raw prompt with an image': {
    prompt: 'User:<image>What do we see in this image?<end_of_utterance>\nAssistant:',
    images: [sampleDataUri('two-cats.png')],
    ...{ logprobs: 2, max_tokens: 10 },
  },
};

const REFUSED: Readonly<Record<string, ChatBody>> = {
  'another model': { messages: [QUESTION], model: 'other' },
  'a hot temperature': { messages: [QUESTION], temperature: 3 },
  'no messages': { messages: [] },
  'what is no image': { messages: [{ role: 'user', content: [imageOf('data:image/png;base64,AAAA')] }] },
  'a local file': { messages: [{ role: 'user', content: [imageOf('file:///etc/hosts')] }] },
  'an address of this network': {
    messages: [{ role: 'user', content: [imageOf('http://127.0.0.1:9/cat.png')] }],
  },
  'more than the context': { messages: [{ role: 'user', content: 'cat '.repeat(600) }] },
  'an answer beyond the context': { messages: [QUESTION], max_completion_tokens: 5000 },
  'a token that is none': { messages: [QUESTION], logit_bias: { 4_000_000_000: 1 } },
  'an unknown parameter': { messages: [QUESTION], tools: [] } as ChatBody,
};

suite('a model in this process is the model behind three services', () => {
  let services: Services;
  let model: EmbeddedModel;
  before(async () => {
    const env = { DIPTYCH_HOME: MODEL_HOME, DIPTYCH_SLOTS: '1', DIPTYCH_CONTEXT: '512' };
    [services, model] = await Promise.all([
      startPico({ env: { ...process.env, ...env, DIPTYCH_QUEUE: '1' } }),
      openModel({ model: PICO, home: MODEL_HOME, ...LIMITS }),
    ]);
  });
  after(() => Promise.all([services.stop(), model.close()]));

  const rest = {
    chat: (body: ChatBody, signal?: AbortSignal) =>
      answerOver(services, 'chat/completions', { model: 'pico', ...body }, signal),
    complete: (body: CompletionBody) => answerOver(services, 'completions', { model: 'pico', ...body }),
  };

  for (const [what, body] of Object.entries(CHATS)) {
    test(`${what}: the same chunks, the same whole`, async () => {
      await same(rest.chat(body), model.chat(body));
    });
  }

  for (const [what, body] of Object.entries(PROMPTS)) {
    test(`${what}: the same chunks, the same whole`, async () => {
      await same(rest.complete(body), model.complete(body));
    });
  }

  for (const [what, body] of Object.entries(REFUSED)) {
    test(`${what} is refused in the same words`, async () => {
      const refusals = [rest.chat(body), model.chat(body)].map(refusalOf);
      const [over, within] = await Promise.all(refusals);
      assert.deepEqual(within, over);
    });
  }

  for (const name of ['rest', 'embedded'] as const) {
    const ask = (body: ChatBody, signal?: AbortSignal) =>
      name === 'rest' ? rest.chat(body, signal) : model.chat(body, { ...(signal && { signal }) });
    const long = { messages: [QUESTION], ignore_eos: true, max_tokens: 400 };

    test(`${name}: leaving an answer frees its slot`, async () => {
      for (let left = 0; left < 4; left += 1) {
        for await (const chunk of ask(long)) if (isText(chunk)) break;
      }
      assert.ok(await ask({ messages: [QUESTION], max_tokens: 3 }).whole());
    });

    test(`${name}: an abort ends the answer and frees its slot`, async () => {
      for (let left = 0; left < 4; left += 1) {
        const controller = new AbortController();
        const read = async () => {
          for await (const chunk of ask(long, controller.signal)) if (isText(chunk)) controller.abort();
        };
        await assert.rejects(read);
      }
      assert.ok(await ask({ messages: [QUESTION], max_tokens: 3 }).whole());
    });
  }
});

function image(name: string) {
  return imageOf(sampleDataUri(name));
}

function imageOf(url: string) {
  return { type: 'image_url', image_url: { url } } as const;
}

function isText(chunk: object): boolean {
  return JSON.stringify(chunk).includes('"content":" ');
}

/** Both ways of reading both answers, one after the other, as what is cached shows in the usage. */
async function same(over: Answer<object, object>, within: Answer<object, object>): Promise<void> {
  assert.deepEqual(byChoice(await Array.fromAsync(within)), byChoice(await Array.fromAsync(over)));
  assert.deepEqual(lasting(await within.whole()), lasting(await over.whole()));
}

/** How the chunks of several choices alternate is a matter of time. */
function byChoice(chunks: readonly object[]): object {
  return Object.groupBy(chunks.map(lasting), ({ choices }) => String(choices?.[0]?.index));
}

interface Lasting {
  readonly choices?: readonly { readonly index: number }[];
}

/** What of an answer does not change from one time to the next. */
function lasting(answer: Lasting): Lasting {
  const changing = { id: 'ID', created: 0, ...('timings' in answer && { timings: {} }) };
  return { ...answer, ...changing };
}

async function refusalOf(answer: Answer<object, object>) {
  try {
    await Array.fromAsync(answer);
  } catch (error) {
    assert.ok(error instanceof DiptychError, String(error));
    const { code, param, message } = error;
    return { code, param, message };
  }
  return assert.fail('it was answered');
}

/** A route as an answer: what the chunks of its stream hold, its errors as DiptychErrors. */
function answerOver(
  services: Services,
  route: string,
  body: object,
  signal?: AbortSignal,
): Answer<object, object> {
  const post = (more: object) =>
    fetch(`${services.url}/v1/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...more }),
      ...(signal && { signal }),
    });
  return {
    [Symbol.asyncIterator]: async function* () {
      const response = await post({ stream: true });
      if (!response.ok || !response.body) throw failureOf(await response.json());
      for await (const data of eventsOf(response.body.pipeThrough(new TextDecoderStream())))
        if (data !== '[DONE]') yield JSON.parse(data) as object;
    },
    whole: async () => {
      const response = await post({ stream_options: undefined });
      const answer = (await response.json()) as object;
      if (!response.ok) throw failureOf(answer);
      return answer;
    },
  };
}

function failureOf(answer: unknown): DiptychError {
  const { error } = answer as { error: { code: 'internal'; message: string; param: string | null } };
  const { code, message, param } = error;
  return new DiptychError(code, message, param === null ? {} : { param });
}

async function* eventsOf(body: ReadableStream<string>): AsyncGenerator<string> {
  let pending = '';
  for await (const text of body) {
    const events = (pending + text).split('\n\n');
    pending = events.pop() ?? '';
    for (const event of events) yield event.replace(/^data: /, '');
  }
}
