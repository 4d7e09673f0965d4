/**
 * `@huggingface/transformers` as a process that answers prompts: one JSON object a line in, one a line out.
 *
 *     node serve.ts LIBRARY_FOLDER MODEL_FOLDER fp32|q8
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PeerAnswer, PeerCommand } from '../peer-messages.ts';

/** What is used of the library. */
interface Library {
  readonly env: { allowRemoteModels: boolean; localModelPath: string; readonly version: string };
  readonly AutoModelForImageTextToText: Loader<Model>;
  readonly AutoProcessor: Loader<Processor>;
  readonly RawImage: { read(path: string): Promise<unknown> };
  readonly Tensor: new (type: string, data: BigInt64Array, dims: number[]) => unknown;
  readonly TextStreamer: new (tokenizer: unknown, options: object) => unknown;
}

interface Loader<T> {
  from_pretrained(name: string, options?: object): Promise<T>;
}

interface Model {
  generate(options: object): Promise<unknown>;
}

interface Processor {
  readonly tokenizer: unknown;
  readonly image_processor: ImageProcessor;
}

interface ImageProcessor {
  (images: readonly unknown[], options: object): Promise<{ readonly pixel_values: unknown }>;
  /** Longest edge before tiles are cut: the published configuration enlarges every image to it. */
  size: { longest_edge: number };
}

const [libraryFolder, modelFolder, precision] = process.argv.slice(2);
assert.ok(libraryFolder && modelFolder && precision);
const library = createRequire(join(libraryFolder, 'package.json'))('@huggingface/transformers') as Library;
library.env.allowRemoteModels = false;
library.env.localModelPath = dirname(modelFolder);
const name = basename(modelFolder);
const processor = await library.AutoProcessor.from_pretrained(name);
const model = await library.AutoModelForImageTextToText.from_pretrained(name, { dtype: precision });
const configuredSize = processor.image_processor.size;

say({ ready: `@huggingface/transformers ${library.env.version}, ${precision}` });
for await (const line of createInterface({ input: process.stdin }))
  say(await answer(JSON.parse(line) as PeerCommand));

async function answer({ ids, image, tokens, ...options }: PeerCommand): Promise<PeerAnswer> {
  const begin = performance.now();
  const times: number[] = [];
  const answered: number[] = [];
  const streamer = new library.TextStreamer(processor.tokenizer, {
    skip_prompt: true,
    callback_function: () => undefined,
    token_callback_function: (taken: bigint[]) => {
      times.push(performance.now() - begin);
      answered.push(...taken.map(Number));
    },
  });
  const pixels = image === null ? {} : await pixelsOf(image, options);
  await model.generate({
    input_ids: int64(ids.map(BigInt)),
    attention_mask: int64(ids.map(() => 1n)),
    ...pixels,
    max_new_tokens: tokens,
    do_sample: false,
    eos_token_id: null,
    streamer,
  });
  return { times, tokens: answered };
}

async function pixelsOf(
  path: string,
  { split, longestEdge }: Pick<PeerCommand, 'split' | 'longestEdge'>,
): Promise<{ pixel_values: unknown }> {
  processor.image_processor.size = longestEdge === null ? configuredSize : { longest_edge: longestEdge };
  const image = await library.RawImage.read(path);
  const { pixel_values } = await processor.image_processor([image], { do_image_splitting: split });
  return { pixel_values };
}

function int64(values: readonly bigint[]): unknown {
  return new library.Tensor('int64', BigInt64Array.from(values), [1, values.length]);
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
