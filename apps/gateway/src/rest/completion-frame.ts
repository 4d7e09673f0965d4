import { randomBytes } from 'node:crypto';
import { FinishReason } from '@diptych/contract';

/** Hexadecimal digits of a fingerprint that tell two models apart at sight. */
const FINGERPRINT_DIGITS = 10;

/** What all chunks of one completion share. */
export interface CompletionFrame {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** A frame for a completion that begins now. `fingerprint` is the model's. */
export function completionFrame(model: string, fingerprint: string): CompletionFrame {
  return {
    id: `chatcmpl-${randomBytes(16).toString('hex')}`,
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: `fp_${fingerprint.slice(0, FINGERPRINT_DIGITS)}`,
  };
}

/** OpenAI's word for why an answer ended. */
export function finishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === FinishReason.LENGTH ? 'length' : 'stop';
}
