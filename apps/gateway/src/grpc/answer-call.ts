import { create } from '@bufbuild/protobuf';
import { AdmittedSchema, ChatFinishedSchema, type ChatResponse, FinishReason } from '@diptych/contract';
import type { CallContext } from '@diptych/rpc';
import type { Admission } from '../chat/admission.ts';
import type { AnswerJob } from '../chat/answer-job.ts';
import { type AnswerContext, type AnswerEvent, answerPrompt } from '../chat/answer-prompt.ts';
import { callEnd } from '../chat/call-signal.ts';
import { aboutField, type FieldNames } from '../chat/field-names.ts';
import type { AnswerTimings } from '../chat/timings.ts';

/** What a call that answers needs. */
export interface AnswerCallContext extends AnswerContext {
  readonly admission: Admission;
  /** Milliseconds that one answer may take, whatever its caller allows. */
  readonly requestTimeoutMs: number;
}

/** A request that was read. */
export interface AnswerCall {
  readonly job: AnswerJob;
  /** Started when the request arrived. */
  readonly timings: AnswerTimings;
  readonly fieldNames?: FieldNames;
}

/** An event in the form that all calls which answer share. */
export type ResponseEvent = Exclude<ChatResponse['event'], { case: undefined }>;

/** Admits a call and answers it. Failures are the call's status. */
export async function* answerCall(
  context: AnswerCallContext,
  { job, timings, fieldNames = {} }: AnswerCall,
  caller: CallContext,
): AsyncGenerator<ResponseEvent> {
  using place = context.admission.enter();
  const signals = [caller.signal, place.signal];
  using end = callEnd({ timeoutMs: context.requestTimeoutMs, deadline: caller.deadline, signals });
  const call = { signal: end.signal, deadline: end.deadline, timings };
  let reason = FinishReason.UNSPECIFIED;
  try {
    for await (const event of answerPrompt(context, job, call)) {
      if (event.kind === 'finished') reason = event.finished.reason;
      else yield toResponse(event, reason);
    }
  } catch (error) {
    throw aboutField(error, fieldNames);
  }
}

function toResponse(event: Exclude<AnswerEvent, { kind: 'finished' }>, reason: FinishReason): ResponseEvent {
  switch (event.kind) {
    case 'admitted': {
      const { promptTokens, imageTokens, seed } = event;
      return { case: 'admitted', value: create(AdmittedSchema, { promptTokens, imageTokens, seed }) };
    }
    case 'delta':
      return { case: 'delta', value: event.delta };
    case 'summary': {
      const { usage, timings } = event;
      return { case: 'finished', value: create(ChatFinishedSchema, { reason, usage, timings }) };
    }
  }
}
