import type { TokenLogprob, TokenProbability } from '@diptych/contract';
import { logprobValue } from './logprob-value.ts';

/** Log probabilities of a chat answer or of one chunk of it, in OpenAI's shape. */
export interface Logprobs {
  readonly content: readonly ContentLogprob[];
  readonly refusal: null;
}

interface ContentLogprob extends Candidate {
  readonly top_logprobs: readonly Candidate[];
}

interface Candidate {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** Converts log probabilities. A token that is part of a character shows it as U+FFFD; `bytes` are exact. */
export function toLogprobs(entries: readonly TokenLogprob[]): Logprobs {
  return { content: entries.map(toContent), refusal: null };
}

function toContent({ chosen, top }: TokenLogprob): ContentLogprob {
  return { ...toCandidate(chosen), top_logprobs: top.map(toCandidate) };
}

function toCandidate(token: TokenProbability | undefined): Candidate {
  const bytes = token?.token ?? new Uint8Array();
  const logprob = logprobValue(token?.logprob);
  return { token: new TextDecoder().decode(bytes), logprob, bytes: [...bytes] };
}
