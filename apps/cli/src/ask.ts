import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type ChatFinished, ChatRequestSchema, ChatService, type ContentPartSchema } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { createClient } from '@diptych/rpc';
import { findModel } from './find-model.ts';
import { isProgress, readable } from './log-line.ts';
import { startServices } from './services.ts';
import { INTERRUPTED, stopSignal } from './stop-signal.ts';

const DEFAULT_GATEWAY = '127.0.0.1:50050';
/** A gateway on this machine lists its models in milliseconds; what takes longer is not one. */
const LOOK_TIMEOUT_MS = 2_000;
/** Any free port: services started for one question must not meet those that run already. */
const ANY_PORT = '127.0.0.1:0';

/** Flags of `diptych ask`. */
export interface AskOptions {
  readonly json: boolean;
  readonly gateway?: string;
  readonly model?: string;
  /** Services are started for it: a running gateway has a template of its own. */
  readonly chatTemplate?: string;
  /** Services are started for it, too. */
  readonly weights?: string;
  readonly maxTokens?: number;
  readonly defaultModel: string;
}

/**
 * Asks one question about the images named before it, of a running gateway or of services started for it alone,
 * and streams the answer to standard output; with `json`, prints one object at the end instead. Ctrl-C ends it in words.
 * Throws a DiptychError that names what is wrong with an image, a flag or the answer.
 */
export async function ask(words: readonly string[], options: AskOptions): Promise<void> {
  const stopping = stopSignal();
  try {
    await askUnlessStopped(words, options, stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
    process.stderr.write(
      '\nStopped. What was downloaded or compiled is kept; the next start goes on from there.\n',
    );
    process.exitCode = INTERRUPTED;
  }
}

async function askUnlessStopped(
  words: readonly string[],
  options: AskOptions,
  stopping: AbortSignal,
): Promise<void> {
  const question = readQuestion(words);
  const images = await Promise.all(words.slice(0, -1).map(imagePart));
  const content = [...images, { part: { case: 'text' as const, value: question } }];
  const running =
    options.model === undefined && options.chatTemplate === undefined && options.weights === undefined
      ? await runningGateway(options.gateway)
      : undefined;
  if (running !== undefined) {
    await answer(running, content, { ...options, signal: stopping });
    return;
  }
  await using services = await startServices({
    model: await findModel(options.model ?? options.defaultModel, stopping),
    ...(options.chatTemplate !== undefined && { chatTemplate: options.chatTemplate }),
    ...(options.weights !== undefined && { weights: options.weights }),
    listen: ANY_PORT,
    grpcListen: ANY_PORT,
    visionListen: ANY_PORT,
    languageListen: ANY_PORT,
    signal: stopping,
    onLine: (service, line) => {
      if (isProgress(line)) process.stderr.write(`${service}: ${readable(line)}\n`);
    },
  });
  await answer(services.grpc, content, { ...options, signal: stopping });
}

/** The last word. A lone one that is a file is an image whose question was forgotten. */
function readQuestion(words: readonly string[]): string {
  const question = words.at(-1) ?? '';
  if (question.trim() !== '' && (words.length > 1 || !existsSync(question))) return question;
  throw new DiptychError('invalid_parameter', 'The question is missing: expected IMAGE... "QUESTION".');
}

type Part = MessageInitShape<typeof ContentPartSchema>;

async function imagePart(source: string): Promise<Part> {
  if (/^https?:\/\//i.test(source)) return { part: { case: 'imageUrl', value: source } };
  try {
    return { part: { case: 'image', value: await readFile(source) } };
  } catch (cause) {
    throw new DiptychError(
      'invalid_parameter',
      `Cannot read the image file ${source}: expected IMAGE... "QUESTION", the question last.`,
      { cause },
    );
  }
}

/** The address of a gateway that answers. One that was named must answer; the default one may be absent. */
async function runningGateway(named: string | undefined): Promise<string | undefined> {
  const address = named ?? DEFAULT_GATEWAY;
  using client = connect(address);
  try {
    await client.listModels({}, { timeoutMs: LOOK_TIMEOUT_MS });
    return address;
  } catch (error) {
    if (named !== undefined) throw error;
    return undefined;
  }
}

async function answer(
  address: string,
  content: readonly Part[],
  options: AskOptions & { readonly signal: AbortSignal },
): Promise<void> {
  using client = connect(address);
  const request = create(ChatRequestSchema, {
    messages: [{ role: 'user', content: [...content] }],
    sampling: { ...(options.maxTokens !== undefined && { maxTokens: options.maxTokens }) },
  });
  let text = '';
  for await (const { event } of client.chat(request, { signal: options.signal })) {
    if (event.case === 'delta') {
      text += event.value.text;
      if (!options.json) process.stdout.write(event.value.text);
    } else if (event.case === 'finished') {
      process.stdout.write(options.json ? `${JSON.stringify(report(text, event.value), null, 2)}\n` : '\n');
    }
  }
}

function connect(address: string) {
  return createClient(ChatService, { address, name: 'gateway' });
}

function report(text: string, { usage, timings }: ChatFinished) {
  const prompt = usage?.promptTokens ?? 0;
  const completion = usage?.completionTokens ?? 0;
  const milliseconds = (value: number | undefined) => Math.round((value ?? 0) * 100) / 100;
  return {
    text: text.trim(),
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      prompt_tokens_details: {
        image_tokens: usage?.imageTokens ?? 0,
        cached_tokens: usage?.cachedTokens ?? 0,
      },
    },
    timings: {
      fetch: milliseconds(timings?.fetchMs),
      decode_resize: milliseconds(timings?.decodeResizeMs),
      encode: milliseconds(timings?.encodeMs),
      queue: milliseconds(timings?.queueMs),
      prefill: milliseconds(timings?.prefillMs),
      decode: milliseconds(timings?.decodeMs),
      ttft: milliseconds(timings?.ttftMs),
    },
  };
}
