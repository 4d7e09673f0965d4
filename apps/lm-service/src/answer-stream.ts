import type { MessageInitShape } from '@bufbuild/protobuf';
import { FinishReason, type GenerateResponseSchema } from '@diptych/contract';
import type { DiptychError } from '@diptych/errors';
import type {
  PositionLogprobs,
  SequenceListener,
  SequenceRequest,
  SequenceSummary,
  TokenEvent,
} from '@diptych/generation';
import type { Tokenizer } from '@diptych/text';
import { AnswerText } from './answer-text.ts';
import type { EventBuffer } from './event-buffer.ts';
import { toLogprob } from './token-logprobs.ts';

/** An event of the wire, before it is a message. */
export type GenerateEvent = MessageInitShape<typeof GenerateResponseSchema>;

/**
 * Makes the events of one answer from the engine's tokens: Delta for new text with all token ids so far, those whose
 * text is held back included, and Finished at the end.
 */
export class AnswerStream implements SequenceListener {
  readonly #tokenizer: Tokenizer;
  readonly #events: EventBuffer<GenerateEvent>;
  readonly #text: AnswerText;
  #ids: number[] = [];
  #logprobs: PositionLogprobs[] = [];
  #stopString = '';
  /** Called when the reader is too slow. Set by the owner. */
  onOverflow: () => void = () => undefined;

  constructor(tokenizer: Tokenizer, request: SequenceRequest, events: EventBuffer<GenerateEvent>) {
    this.#tokenizer = tokenizer;
    this.#events = events;
    this.#text = new AnswerText(tokenizer, request.sampling);
    this.#replay(request);
  }

  /** True where the resumed tokens end with a stop string: nothing is left to generate. */
  get wasWhole(): boolean {
    return this.#stopString !== '';
  }

  token({ id, end, logprobs }: TokenEvent): 'continue' | 'stop' {
    this.#ids.push(id);
    if (logprobs !== undefined) this.#logprobs.push(logprobs);
    const { text, stopped = '' } = this.#text.push(id, end);
    this.#stopString = stopped;
    if (text !== '' && !this.#sendDelta(text)) this.onOverflow();
    return stopped === '' ? 'continue' : 'stop';
  }

  finished(summary: SequenceSummary): void {
    const { text, stopped } = this.wasWhole ? { text: '' } : this.#text.finish();
    if (stopped !== undefined) this.#stopString = stopped;
    if (text !== '' || this.#ids.length > 0) this.#sendDelta(text);
    this.#events.push({ event: { case: 'finished', value: this.#finished(summary) } });
    this.#events.end();
  }

  failed(error: DiptychError): void {
    this.#events.end(error);
  }

  /** Brings the text to where the lost stream was, without telling it again. */
  #replay({ resumeIds, sampling, endTokenIds }: SequenceRequest): void {
    const ends = new Set([...(sampling.ignoreEos ? [] : endTokenIds), ...sampling.stopTokenIds]);
    for (const id of resumeIds) {
      if (this.wasWhole) return;
      this.#stopString = this.#text.push(id, ends.has(id)).stopped ?? '';
    }
  }

  #sendDelta(text: string): boolean {
    const logprobs = this.#logprobs.map((position) => toLogprob(position, this.#tokenizer));
    const value = { text, tokenIds: this.#ids, logprobs };
    this.#ids = [];
    this.#logprobs = [];
    return this.#events.push({ event: { case: 'delta', value } });
  }

  #finished({ reason, usage, timings }: SequenceSummary) {
    const stopped = reason === 'stop' || this.#stopString !== '';
    return {
      reason: stopped ? FinishReason.STOP : FinishReason.LENGTH,
      stopString: this.#stopString,
      usage,
      timings,
    };
  }
}
