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

/** What answers need of a tokeniser. */
export type AnswerTokenizer = Pick<Tokenizer, 'createDetokenizer' | 'tokenBytes'>;

/** An event of the wire, before it is a message. */
export type GenerateEvent = MessageInitShape<typeof GenerateResponseSchema>;

/**
 * Makes the events of one answer from the engine's tokens: Delta for new text with all token ids so far, those whose
 * text is held back included, and Finished at the end.
 *
 * What the Deltas up to any point tell is a function of the ids that they carry, so that the stream can go on
 * elsewhere after them. Text that the end sets free therefore travels with the last id, never in a Delta of its own.
 */
export class AnswerStream implements SequenceListener {
  readonly #tokenizer: AnswerTokenizer;
  readonly #events: EventBuffer<GenerateEvent>;
  readonly #text: AnswerText;
  /** What the next Delta says. */
  #next: NextDelta = { text: '', ids: [], logprobs: [] };
  #scheduled = false;
  #stopString = '';
  /** Called when the reader is too slow. Set by the owner. */
  onOverflow: () => void = () => undefined;

  constructor(tokenizer: AnswerTokenizer, request: SequenceRequest, events: EventBuffer<GenerateEvent>) {
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
    const { text, stopped = '' } = this.#text.push(id, end);
    this.#next.text += text;
    this.#next.ids.push(id);
    if (logprobs !== undefined) this.#next.logprobs.push(logprobs);
    this.#stopString = stopped;
    if (text !== '') this.#schedule();
    return stopped === '' ? 'continue' : 'stop';
  }

  finished(summary: SequenceSummary): void {
    if (this.#next.ids.length > 0) {
      this.#finishText();
      this.#send();
    }
    this.#events.push({ event: { case: 'finished', value: this.#finished(summary) } });
    this.#events.end();
  }

  failed(error: DiptychError): void {
    if (this.#next.text !== '') this.#send();
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

  #finishText(): void {
    if (this.#stopString !== '') return;
    const { text, stopped = '' } = this.#text.finish();
    this.#next.text += text;
    this.#stopString = stopped;
  }

  /** Sends once the engine has had its say: it tells at once after a token where that was the last one. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#next.text !== '' && !this.#send()) this.onOverflow();
    });
  }

  #send(): boolean {
    const { text, ids, logprobs } = this.#next;
    this.#next = { text: '', ids: [], logprobs: [] };
    const value = {
      text,
      tokenIds: ids,
      logprobs: logprobs.map((position) => toLogprob(position, this.#tokenizer)),
    };
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

interface NextDelta {
  text: string;
  readonly ids: number[];
  readonly logprobs: PositionLogprobs[];
}
