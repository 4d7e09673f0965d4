import type { PeerAnswer, PeerCommand, PeerReady } from '../peers/peer-messages.ts';
import type { Prompt } from '../prompts.ts';
import { type JsonLinesOptions, JsonLinesProcess } from './json-lines-process.ts';
import type { Answer, Target } from './target.ts';

/** Another library in a process of its own, with the same weights. */
export class Peer implements Target {
  readonly name: string;
  readonly description: string;
  readonly #process: JsonLinesProcess;
  readonly #textOf: (ids: readonly number[]) => string;

  private constructor(
    name: string,
    parts: {
      readonly description: string;
      readonly process: JsonLinesProcess;
      readonly textOf: (ids: readonly number[]) => string;
    },
  ) {
    this.name = name;
    this.description = parts.description;
    this.#process = parts.process;
    this.#textOf = parts.textOf;
  }

  /** Starts it and waits until it has loaded the model. `textOf` spells its tokens. */
  static async start(
    name: string,
    options: JsonLinesOptions & { readonly textOf: (ids: readonly number[]) => string },
  ): Promise<Peer> {
    const child = new JsonLinesProcess(options);
    const { ready } = await child.read<PeerReady>();
    return new Peer(name, { description: ready, process: child, textOf: options.textOf });
  }

  get pids(): readonly number[] {
    return this.#process.pid === undefined ? [] : [this.#process.pid];
  }

  /** A whole image goes at its own size, as who knows the option would send it: nothing is enlarged in between. */
  answer(prompt: Prompt, tokens: number): Promise<Answer> {
    const { image } = prompt;
    return this.#ask(prompt, { tokens, longestEdge: image && !image.split ? image.edge : null });
  }

  /** Answers with the image prepared as the checkpoint says, step by step: the very pixels that our services see. */
  answerAsConfigured(prompt: Prompt, tokens: number): Promise<Answer> {
    return this.#ask(prompt, { tokens, longestEdge: null });
  }

  async #ask({ ids, image }: Prompt, options: Pick<PeerCommand, 'tokens' | 'longestEdge'>): Promise<Answer> {
    const command: PeerCommand = {
      ids,
      image: image?.path ?? null,
      split: image?.split ?? false,
      ...options,
    };
    const { times, tokens } = await this.#process.ask<PeerAnswer>(command);
    const text = this.#textOf(tokens);
    return { times, tokens: tokens.length, text, promptTokens: ids.length, cachedTokens: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
