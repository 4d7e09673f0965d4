import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ServiceName, type Services, startServices } from '@diptych/cli';
import type { Prompt } from '../prompts.ts';
import { streamChat, textOf } from '../stream-chat.ts';
import { chatBody, collectAnswer } from './collect-answer.ts';
import { type LoopDelay, readLoopDelay, resetLoopDelay } from './loop-delay.ts';
import type { Answer, Target } from './target.ts';

/** How our services are started. */
export interface ServiceOptions {
  readonly checkpointFolder: string;
  /** Name of the checkpoint in the API. */
  readonly modelName: string;
  /** Folder of compiled models. */
  readonly home: string;
  readonly weights: string;
  readonly slots: number;
  readonly context: number;
  /** Folder that event-loop delays are written to. */
  readonly scratch: string;
}

/** Longer than anything takes: what is measured is not to be cut off. */
const REQUEST_TIMEOUT_MS = 60 * 60 * 1000;

const ANY_PORT = '127.0.0.1:0';

const PROBE = fileURLToPath(new URL('./loop-delay-probe.ts', import.meta.url));

/** The three services as three processes, asked over REST as a user asks them. */
export class OurServices implements Target {
  readonly name = 'diptych';
  readonly description: string;
  readonly #services: Services;
  readonly #modelName: string;
  readonly #scratch: string;

  private constructor(services: Services, options: ServiceOptions) {
    this.#services = services;
    this.#modelName = options.modelName;
    this.#scratch = options.scratch;
    this.description = `three services, --weights ${options.weights}, ${options.slots} slots of ${options.context} tokens`;
  }

  static async start(options: ServiceOptions): Promise<OurServices> {
    await rm(join(options.scratch, 'loop-delay'), { recursive: true, force: true });
    const services = await startServices({
      model: options.checkpointFolder,
      weights: options.weights,
      listen: ANY_PORT,
      grpcListen: ANY_PORT,
      visionListen: ANY_PORT,
      languageListen: ANY_PORT,
      env: {
        ...process.env,
        DIPTYCH_HOME: options.home,
        DIPTYCH_SLOTS: String(options.slots),
        DIPTYCH_CONTEXT: String(options.context),
        DIPTYCH_REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
        DIPTYCH_BENCH_SCRATCH: options.scratch,
        NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import ${PROBE}`.trim(),
      },
    });
    return new OurServices(services, options);
  }

  get pids(): readonly number[] {
    return Object.values(this.#services.processes).flatMap(({ pid }) => pid ?? []);
  }

  pidOf(service: ServiceName): number | undefined {
    return this.#services.processes[service].pid;
  }

  answer({ messages }: Pick<Prompt, 'messages'>, tokens: number): Promise<Answer> {
    return collectAnswer(() => this.#ask(messages, tokens));
  }

  /** Milliseconds of each chunk of text as they come; aborting ends them. */
  async *stream(prompt: Prompt, tokens: number, signal: AbortSignal): AsyncGenerator<number> {
    try {
      for await (const chunk of this.#ask(prompt.messages, tokens, signal))
        if (textOf(chunk) !== '') yield performance.now();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Begins to measure the event loops anew. */
  async resetLoopDelays(): Promise<void> {
    await Promise.all(this.pids.map((pid) => resetLoopDelay(pid, this.#scratch)));
  }

  /** What the event loops waited since, by service. */
  async loopDelays(): Promise<Record<string, LoopDelay>> {
    const entries = Object.entries(this.#services.processes);
    const delays = await Promise.all(
      entries.map(async ([name, { pid = 0 }]) => [name, await readLoopDelay(pid, this.#scratch)] as const),
    );
    return Object.fromEntries(delays);
  }

  #ask(messages: readonly object[], tokens: number, signal?: AbortSignal) {
    return streamChat(this.#services.url, { model: this.#modelName, ...chatBody(messages, tokens) }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#services.stop();
  }
}
