import { DiptychError } from '@diptych/errors';
import { type CallEnd, failureOf } from './chat/call-signal.ts';
import type { PromptTemplate } from './chat/prompt.ts';
import { type FetchImage, imageFetcher } from './images/fetch-image.ts';
import { answerChunks } from './rest/answer-chunks.ts';
import { answerObject } from './rest/answer-object.ts';
import { type AnswerRequest, beginAnswer } from './rest/begin-answer.ts';
import { chatRequest } from './rest/chat-request.ts';
import { completionRequest } from './rest/completion-request.ts';
import type { Stages } from './stages/stages.ts';

/** What a gateway in process is made of; see settings.ts for each. */
export interface LocalGatewayOptions {
  /** Id of the model in answers. */
  readonly model: string;
  readonly template: PromptTemplate;
  readonly imageToken: string;
  /** Closed with the gateway. */
  readonly stages: Stages;
  readonly maxImageBytes: number;
  readonly imageTimeoutMs: number;
  readonly allowPrivateImageHosts: boolean;
}

/** How an answer is read: as the chunks that REST streams, or as its whole object. It begins then, each time anew. */
export interface LocalAnswer {
  readonly chunks: () => AsyncGenerator<object, void, undefined>;
  readonly object: () => Promise<object>;
}

/** A body of one of the routes. `model` may be left out; `stream` tells nothing, as how the answer is read decides. */
export interface LocalBody {
  readonly model?: unknown;
  readonly stream_options?: unknown;
}

/**
 * The gateway without its servers: the bodies of its routes in, the objects of its answers out. Failures are thrown as
 * DiptychErrors, whenever they happen.
 */
export class LocalGateway {
  readonly #options: LocalGatewayOptions & { readonly fetchImage: FetchImage };
  readonly #running = new Set<AbortController>();
  #closed = false;

  constructor(options: LocalGatewayOptions) {
    const fetchImage = imageFetcher({
      timeoutMs: options.imageTimeoutMs,
      maxBytes: options.maxImageBytes,
      allowPrivate: options.allowPrivateImageHosts,
    });
    this.#options = { ...options, fetchImage };
  }

  /** Answers a body of `POST /v1/chat/completions`. Images may be bytes, which must not change meanwhile. */
  chat(body: LocalBody, signal?: AbortSignal): LocalAnswer {
    return this.#answer(body, (whole) => chatRequest(whole, this.#options), signal);
  }

  /** Answers a body of `POST /v1/completions`, images as for a chat. */
  complete(body: LocalBody, signal?: AbortSignal): LocalAnswer {
    return this.#answer(body, (whole) => completionRequest(whole, this.#options), signal);
  }

  /** Refuses new answers and ends running ones, both with `shutting_down`; closes the stages' clients. */
  close(): void {
    this.#closed = true;
    for (const call of this.#running) call.abort(closed());
    this.#options.stages[Symbol.dispose]();
  }

  #answer(
    body: LocalBody,
    read: (whole: object) => AnswerRequest,
    signal: AbortSignal | undefined,
  ): LocalAnswer {
    const model = body.model ?? this.#options.model;
    const streamed = { ...body, model, stream: true };
    const whole = { ...body, model, stream: false, stream_options: null };
    return {
      chunks: () => this.#chunks(() => read(streamed), signal),
      object: () => this.#object(() => read(whole), signal),
    };
  }

  async *#chunks(
    read: () => AnswerRequest,
    caller: AbortSignal | undefined,
  ): AsyncGenerator<object, void, undefined> {
    using call = this.#begin(caller);
    try {
      const request = read();
      const { events, frame } = await beginAnswer(this.#options, request, call);
      yield* answerChunks(events, { frame, ...request });
    } catch (error) {
      throw failureOf(error, call.signal);
    }
  }

  async #object(read: () => AnswerRequest, caller: AbortSignal | undefined): Promise<object> {
    using call = this.#begin(caller);
    try {
      const request = read();
      const { events, frame } = await beginAnswer(this.#options, request, call);
      return await answerObject(events, { frame, shape: request.shape });
    } catch (error) {
      throw failureOf(error, call.signal);
    }
  }

  /** One signal of the caller's and the gateway's end; its reason is always a DiptychError. */
  #begin(caller: AbortSignal | undefined): CallEnd & Disposable {
    if (this.#closed) throw closed();
    const controller = new AbortController();
    const leave = () => controller.abort(cancelled(caller));
    if (caller?.aborted) leave();
    caller?.addEventListener('abort', leave, { once: true });
    this.#running.add(controller);
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        caller?.removeEventListener('abort', leave);
        this.#running.delete(controller);
      },
    };
  }
}

function closed(): DiptychError {
  return new DiptychError('shutting_down', 'The model is closed; open it again.');
}

function cancelled(caller: AbortSignal | undefined): DiptychError {
  if (caller?.reason instanceof DiptychError) return caller.reason;
  return new DiptychError('cancelled', 'The caller cancelled the answer.', { cause: caller?.reason });
}
