import { type Detokenizer, StopMatcher, type StopResult, type Tokenizer } from '@diptych/text';

/** How an answer's text ends. */
export interface AnswerTextOptions {
  /** Strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Tokens before which no stop string ends the answer. */
  readonly minTokens: number;
}

/**
 * The text of one answer as its tokens come: whole characters only, and nothing that may begin a stop string. What
 * it lets out is a function of the tokens alone, however the stream was cut; so a stream that another machine lost
 * goes on here without a character lost or repeated.
 */
export class AnswerText {
  readonly #detokenizer: Detokenizer;
  readonly #matcher: StopMatcher;
  readonly #minTokens: number;
  #tokens = 0;

  constructor(tokenizer: Pick<Tokenizer, 'createDetokenizer'>, options: AnswerTextOptions) {
    this.#detokenizer = tokenizer.createDetokenizer();
    this.#matcher = new StopMatcher(options.stop);
    this.#minTokens = options.minTokens;
  }

  /** The text that this token clears. `end`: a token that ends the answer and has no text. */
  push(id: number, end: boolean): StopResult {
    this.#tokens += 1;
    const text = end ? '' : this.#detokenizer.push(id);
    return this.#tokens < this.#minTokens ? { text } : this.#matcher.push(text);
  }

  /** What was held back, once the answer has ended without a stop string. */
  finish(): StopResult {
    const { text, stopped } = this.#matcher.push(this.#detokenizer.finish());
    return stopped === undefined ? { text: text + this.#matcher.finish() } : { text, stopped };
  }
}
