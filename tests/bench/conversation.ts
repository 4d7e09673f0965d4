import { join } from 'node:path';
import { SAMPLES } from '@diptych/testing';
import sharp from 'sharp';
import { type Chunk, streamChat, textOf } from './stream-chat.ts';

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
  for await (const chunk of streamChat(url, body)) {
    if (textOf(chunk) !== '') texts.push(performance.now());
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
