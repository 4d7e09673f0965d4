import type { PositionLogprobs, TokenLogprob } from '@diptych/generation';
import type { Tokenizer } from '@diptych/text';

/** Log probabilities of one position as the wire has them. */
export function toLogprob({ chosen, top }: PositionLogprobs, tokenizer: Pick<Tokenizer, 'tokenBytes'>) {
  const probability = ({ id, logprob }: TokenLogprob) => ({
    tokenId: id,
    token: Uint8Array.from(tokenizer.tokenBytes(id)),
    logprob,
  });
  return { chosen: probability(chosen), top: top.map(probability) };
}
