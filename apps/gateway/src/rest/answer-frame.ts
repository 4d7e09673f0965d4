import { randomBytes } from 'node:crypto';
import { FinishReason } from '@diptych/contract';

/** Hexadecimal digits of a fingerprint that tell two models apart at sight. */
const FINGERPRINT_DIGITS = 10;

/** What all chunks of one answer share. */
export interface AnswerFrame {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** Where an answer comes from. */
export interface FrameOptions {
  /** What its id begins with. */
  readonly idPrefix: string;
  /** Id of the model. */
  readonly model: string;
  /** The model's fingerprint. */
  readonly fingerprint: string;
}

/** A frame for an answer that begins now. */
export function answerFrame({ idPrefix, model, fingerprint }: FrameOptions): AnswerFrame {
  return {
    id: `${idPrefix}-${randomBytes(16).toString('hex')}`,
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: `fp_${fingerprint.slice(0, FINGERPRINT_DIGITS)}`,
  };
}

/** OpenAI's word for why an answer ended. */
export function finishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === FinishReason.LENGTH ? 'length' : 'stop';
}
