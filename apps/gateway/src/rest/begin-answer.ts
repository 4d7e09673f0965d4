import type { AnswerJob } from '../chat/answer-job.ts';
import { type AnswerContext, type AnswerEvent, answerPrompt } from '../chat/answer-prompt.ts';
import { begun } from '../chat/begun.ts';
import type { CallEnd } from '../chat/call-signal.ts';
import { aboutField, type FieldNames } from '../chat/field-names.ts';
import type { AnswerTimings } from '../chat/timings.ts';
import { type AnswerFrame, answerFrame } from './answer-frame.ts';
import type { AnswerShape } from './answer-shape.ts';

/** What answers come from. */
export interface AnswerSource extends AnswerContext {
  /** Id of the model that is served. */
  readonly model: string;
}

/** A request that was read: what to answer, and how. */
export interface AnswerRequest {
  readonly job: AnswerJob;
  /** Started when the request arrived. */
  readonly timings: AnswerTimings;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly shape: AnswerShape;
  readonly fieldNames: FieldNames;
}

/** An answer that has begun: what goes wrong from here on comes in the middle of it. */
export interface BegunAnswer {
  readonly events: AsyncGenerator<AnswerEvent>;
  readonly frame: AnswerFrame;
}

/**
 * Begins the answer to a request. What a stage says of a field, it says by the name that the caller used.
 *
 * @throws DiptychError of the stages; nothing was generated then.
 */
export async function beginAnswer(
  source: AnswerSource,
  { job, timings, shape, fieldNames }: AnswerRequest,
  { signal, deadline }: CallEnd,
): Promise<BegunAnswer> {
  const { fingerprint } = await source.stages.languageModel(signal);
  const answer = answerPrompt(source, job, { signal, deadline, timings });
  const events = await begun(answer).catch((error: unknown) => {
    throw aboutField(error, fieldNames);
  });
  return { events, frame: answerFrame({ idPrefix: shape.idPrefix, model: source.model, fingerprint }) };
}
