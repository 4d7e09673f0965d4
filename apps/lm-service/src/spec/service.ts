import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  DataType,
  type GenerateRequestSchema,
  type GenerateResponse,
  type ImageEmbeddingSchema,
  LanguageService,
} from '@diptych/contract';
import { createClient, type RpcClient } from '@diptych/rpc';
import { createLogger } from '@diptych/telemetry';
import { type LmServiceOptions, startLmService } from '../lm-service.ts';

/** A request before it is a message. */
export type GenerateInit = Plain<MessageInitShape<typeof GenerateRequestSchema>>;

/** The form without a message's own fields. */
type Plain<Init> = Extract<Init, { readonly $typeName?: never }>;

/** An embedding before it is a message. */
export type EmbeddingInit = Plain<MessageInitShape<typeof ImageEmbeddingSchema>>;

const FIXTURE = join(import.meta.dirname, '../../../../tests/golden/fixtures/idefics3-float32');

/** A tiny checkpoint of random weights: hidden size 64, 16 tokens for each tile, context 1024, greedy by default. */
export const TINY_CHECKPOINT = join(FIXTURE, 'checkpoint');

/** A temporary folder for compiled models, gone after the test. */
export async function temporaryHome(context: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'lm-service-'));
  context.after(() => rm(home, { recursive: true }));
  return home;
}

/** A running lm-service of the tiny checkpoint and a client of it. */
export async function service(context: TestContext, settings: Partial<LmServiceOptions> = {}) {
  const running = await startLmService({
    model: TINY_CHECKPOINT,
    weights: 'float32',
    home: await temporaryHome(context),
    listen: '127.0.0.1:0',
    threads: 1,
    slots: 2,
    context: 256,
    queue: 16,
    speculate: 0,
    unreadEvents: 512,
    graceSeconds: 0,
    logLevel: 'silent',
    logger: createLogger({ name: 'spec', level: 'silent' }),
    ...settings,
  });
  const client = createClient(LanguageService, { address: running.address, name: 'lm-service' });
  context.after(async () => {
    client.close();
    await running.stop();
  });
  const { model } = await client.getModel({});
  return { running, client, fingerprint: model?.fingerprint ?? '' };
}

/** What a stream said, put together. */
export interface Answer {
  readonly events: readonly GenerateResponse['event'][];
  readonly text: string;
  readonly ids: readonly number[];
}

/** Reads a whole answer. */
export async function answer(
  client: RpcClient<typeof LanguageService>,
  request: GenerateInit,
  signal?: AbortSignal,
): Promise<Answer> {
  const events = [];
  for await (const { event } of client.generate(request, { signal })) events.push(event);
  const deltas = events.flatMap((event) => (event.case === 'delta' ? [event.value] : []));
  return {
    events,
    text: deltas.map((delta) => delta.text).join(''),
    ids: deltas.flatMap((delta) => delta.tokenIds),
  };
}

/** The Finished event of an answer. */
export function finished({ events }: Answer) {
  const last = events.at(-1);
  if (last?.case === 'finished') return last.value;
  throw new Error('the answer did not finish');
}

/** A question in plain text. */
export const question = (text: string, sampling: GenerateInit['sampling'] = {}): GenerateInit => ({
  prompt: { segments: [{ segment: { case: 'userText', value: text } }] },
  sampling: { temperature: 0, ...sampling },
});

/** An embedding of one tile with made-up features, sound in every respect. */
export function embedding(fingerprint: string, seed = 1): EmbeddingInit {
  const values = Float32Array.from({ length: 16 * 64 }, (_, index) => Math.sin(index * 0.7 + seed));
  return {
    digest: new Uint8Array(32).fill(seed),
    modelFingerprint: fingerprint,
    layout: { sourceWidth: 96, sourceHeight: 72, processedWidth: 64, processedHeight: 64, tileTokens: [16] },
    features: { dataType: DataType.FLOAT32, shape: [16, 64], data: new Uint8Array(values.buffer) },
  };
}

/** The reference's conversation about one image: prompt, features and the 32 greedy tokens of transformers. */
export async function golden() {
  const folder = join(FIXTURE, 'one-image');
  const { prompt, inputIds, greedyIds } = JSON.parse(await readFile(join(folder, 'case.json'), 'utf8')) as {
    prompt: string;
    inputIds: number[];
    greedyIds: number[];
  };
  const features = readTensor(await readFile(join(folder, 'tensors.safetensors')), /image_?features/i);
  return { prompt, inputIds, greedyIds, features };
}

/** The first float32 tensor of a safetensors file whose name matches. */
function readTensor(file: Buffer, name: RegExp): Uint8Array {
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const [, entry] = Object.entries(header).find(([key]) => name.test(key)) ?? [];
  if (entry === undefined) throw new Error(`no tensor ${name} among ${Object.keys(header).join(', ')}`);
  const [start, end] = entry.data_offsets;
  return new Uint8Array(file.subarray(8 + headerBytes + start, 8 + headerBytes + end));
}
