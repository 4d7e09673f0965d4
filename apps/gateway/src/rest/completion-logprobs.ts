import type { TokenLogprob, TokenProbability } from '@diptych/contract';
import type { LogprobsWriter } from './answer-shape.ts';
import { logprobValue } from './logprob-value.ts';

/** Log probabilities of a completion or of one chunk of it: OpenAI's older shape, lists side by side. */
export interface CompletionLogprobs {
  /** Each token; one that is not whole characters as `bytes:\xe2\x82`. */
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly number[];
  /** The most likely tokens at each place, the chosen one always among them. */
  readonly top_logprobs: readonly Readonly<Record<string, number>>[];
  /** Where each token's text begins, in characters from the beginning of the prompt. */
  readonly text_offset: readonly number[];
}

/**
 * Puts the log probabilities of one choice into OpenAI's older shape, piece by piece. `promptLength` is where the text
 * begins; a token inside a character begins where the character does.
 */
export function completionLogprobs(promptLength: number): LogprobsWriter & {
  (entries: readonly TokenLogprob[]): CompletionLogprobs;
} {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let offset = promptLength;
  const advance = ({ chosen }: TokenLogprob) => {
    const start = offset;
    offset += characters(decoder.decode(chosen?.token, { stream: true }));
    return start;
  };
  return (entries) => ({
    tokens: entries.map(({ chosen }) => tokenName(chosen)),
    token_logprobs: entries.map(({ chosen }) => logprobValue(chosen?.logprob)),
    top_logprobs: entries.map(topLogprobs),
    text_offset: entries.map(advance),
  });
}

/** Length of a text in characters as a person counts code points, not in UTF-16 units. */
export function characters(text: string): number {
  return Array.from(text).length;
}

function topLogprobs({ chosen, top }: TokenLogprob): Readonly<Record<string, number>> {
  const candidates = chosen ? [...top, chosen] : top;
  return Object.fromEntries(candidates.map((token) => [tokenName(token), logprobValue(token.logprob)]));
}

/** Tokens of a byte-level vocabulary may be parts of a character; those must stay apart as keys. */
function tokenName(token: TokenProbability | undefined): string {
  const bytes = token?.token ?? new Uint8Array();
  const text = Buffer.from(bytes).toString('utf8');
  if (Buffer.from(text, 'utf8').equals(bytes)) return text;
  return `bytes:${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}
