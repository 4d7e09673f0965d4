import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SAMPLES } from '@diptych/testing';
import sharp from 'sharp';

/** What one streamed answer took, as its client saw it. */
export interface Turn {
  readonly promptTokens: number;
  readonly imageTokens: number;
  /** Prompt tokens whose cache was still there from the turn before. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** From the request to the first text. */
  readonly firstTokenSeconds: number;
  /** After the first text; null where one chunk was the whole answer. */
  readonly tokensPerSecond: number | null;
  /** The stages' own timings, in milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
}

/** The pictures and words of the reference conversation. */
const FIRST_IMAGE = 'two-cats.png';
const SECOND_IMAGE = 'bee-and-flowers.png';
const FIRST_QUESTION = 'What do we see in this image?';
const FIRST_ANSWER = 'In this image, we see two cats.';
const SECOND_QUESTION = 'And how about this image?';

/** The size of a usual photo of COCO, from which the reference conversation takes its images. */
const PHOTO = { width: 640, height: 480 };

/**
 * Holds the reference conversation over REST: a question about an image; then, in one conversation with a given
 * answer to it, a question about another. Both answers are streamed, greedy, and exactly `tokens` long; each is
 * yielded as it ends, and the next question is asked when the reader wants it.
 */
export async function* holdConversation(url: string, model: string, tokens: number): AsyncGenerator<Turn> {
  const first = user(await photo(FIRST_IMAGE), FIRST_QUESTION);
  const second = user(await photo(SECOND_IMAGE), SECOND_QUESTION);
  const given = { role: 'assistant', content: FIRST_ANSWER };
  const sampling = { model, temperature: 0, max_tokens: tokens, ignore_eos: true };
  yield await ask(url, { ...sampling, messages: [first] });
  yield await ask(url, { ...sampling, messages: [first, given, second] });
}

function user(imageUrl: string, text: string) {
  return {
    role: 'user',
    content: [
      { type: 'image_url', image_url: { url: imageUrl } },
      { type: 'text', text },
    ],
  };
}

async function photo(name: string): Promise<string> {
  const jpeg = await sharp(join(SAMPLES, name))
    .resize({ ...PHOTO, fit: 'fill' })
    .jpeg()
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
}

async function ask(url: string, body: object): Promise<Turn> {
  const begin = performance.now();
  const texts: number[] = [];
  let summary: Summary | undefined;
  for await (const chunk of chunks(await post(url, body))) {
    if (isText(chunk)) texts.push(performance.now());
    summary = chunk.usage ? { usage: chunk.usage, timings: chunk.timings ?? {} } : summary;
  }
  const [first, last] = [texts[0], texts.at(-1)];
  if (!summary || first === undefined || last === undefined) throw new Error('the answer ended early');
  const { prompt_tokens, completion_tokens, prompt_tokens_details: details } = summary.usage;
  return {
    promptTokens: prompt_tokens,
    imageTokens: details.image_tokens,
    cachedTokens: details.cached_tokens,
    completionTokens: completion_tokens,
    firstTokenSeconds: (first - begin) / 1000,
    tokensPerSecond: last > first ? (completion_tokens - 1) / ((last - first) / 1000) : null,
    timings: summary.timings,
  };
}

interface Summary {
  readonly usage: NonNullable<Chunk['usage']>;
  readonly timings: Readonly<Record<string, number>>;
}

/** What is read of a `chat.completion.chunk`. */
interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly image_tokens: number; readonly cached_tokens: number };
  } | null;
  readonly timings?: Readonly<Record<string, number>>;
  readonly error?: unknown;
}

function isText({ choices }: Chunk): boolean {
  return choices.some(({ delta }) => (delta.content ?? '') !== '');
}

/** Node's own client: `fetch` gives up on an answer whose first byte takes five minutes, as on a slow machine it may. */
async function post(url: string, body: object): Promise<IncomingMessage> {
  const call = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  call.end(JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}

async function* chunks(response: IncomingMessage): AsyncGenerator<Chunk> {
  if (response.statusCode !== 200) {
    throw new Error(`the gateway answered ${String(response.statusCode)}: ${await textOf(response)}`);
  }
  for await (const line of createInterface({ input: response })) {
    if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
    const chunk = JSON.parse(line.slice('data: '.length)) as Chunk;
    if (chunk.error !== undefined) throw new Error(`the answer failed: ${JSON.stringify(chunk.error)}`);
    yield chunk;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += String(part);
  return text;
}
