import type { LocalAnswer, LocalGateway } from '@diptych/gateway';
import type {
  Answer,
  AnswerOptions,
  ChatBody,
  ChatChunk,
  ChatCompletion,
  Completion,
  CompletionBody,
  CompletionChunk,
  EmbeddedModel,
} from './api.ts';

/** What is closed after the last call ended. */
interface Closable {
  close(): Promise<void>;
}

/** The stages and the gateway of one model, together. */
export class LoadedModel implements EmbeddedModel {
  readonly id: string;
  readonly #gateway: LocalGateway;
  readonly #stages: Readonly<Record<string, Closable>>;
  #closed: Promise<void> | undefined;

  /** Owns gateway and stages. */
  constructor(
    id: string,
    gateway: LocalGateway,
    stages: { readonly vision: Closable; readonly language: Closable },
  ) {
    this.id = id;
    this.#gateway = gateway;
    this.#stages = { ...stages };
  }

  chat(body: ChatBody, { signal }: AnswerOptions = {}): Answer<ChatChunk, ChatCompletion> {
    return answerOf(this.#gateway.chat(body, signal));
  }

  complete(body: CompletionBody, { signal }: AnswerOptions = {}): Answer<CompletionChunk, Completion> {
    return answerOf(this.#gateway.complete(body, signal));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#gateway.close();
    await Promise.all(Object.values(this.#stages).map((stage) => stage.close()));
  }
}

/** The gateway writes OpenAI's objects for REST and knows them as objects; api.ts describes them. */
function answerOf<Chunk, Whole>({ chunks, object }: LocalAnswer): Answer<Chunk, Whole> {
  return {
    [Symbol.asyncIterator]: () => chunks() as AsyncIterator<Chunk>,
    whole: async () => (await object()) as Whole,
  };
}
