import { fileURLToPath } from 'node:url';
import type { Prompt } from '../prompts.ts';
import { chatBody } from './collect-answer.ts';
import { JsonLinesProcess } from './json-lines-process.ts';
import type { Answer, Target } from './target.ts';

/** How the engine is opened. */
export interface EmbeddedOptions {
  readonly checkpointFolder: string;
  readonly home: string;
  readonly weights: string;
  readonly slots: number;
  readonly context: number;
}

const HOST = fileURLToPath(new URL('./embedded-host.ts', import.meta.url));

/** Our engine as a library, without services between: the yardstick of the split. */
export class Embedded implements Target {
  readonly name = 'embedded';
  readonly description: string;
  readonly #process: JsonLinesProcess;

  private constructor(child: JsonLinesProcess, description: string) {
    this.#process = child;
    this.description = description;
  }

  /** Opens the model in a process of its own. */
  static async start({ checkpointFolder, ...options }: EmbeddedOptions): Promise<Embedded> {
    const args = [HOST, JSON.stringify({ model: checkpointFolder, ...options })];
    const child = new JsonLinesProcess({ command: process.execPath, args });
    const { ready } = await child.read<{ ready: string }>();
    return new Embedded(child, ready);
  }

  get pids(): readonly number[] {
    return this.#process.pid === undefined ? [] : [this.#process.pid];
  }

  answer({ messages }: Pick<Prompt, 'messages'>, tokens: number): Promise<Answer> {
    return this.#process.ask<Answer>(chatBody(messages, tokens));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
