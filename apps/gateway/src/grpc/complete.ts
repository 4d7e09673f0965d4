import type { ChatService, CompleteRequest } from '@diptych/contract';
import type { RpcHandler } from '@diptych/rpc';
import type { AnswerJob } from '../chat/answer-job.ts';
import { checkModel } from '../chat/check-model.ts';
import { RAW_PROMPT_NAMES } from '../chat/field-names.ts';
import { toRawPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import { type AnswerCallContext, answerCall } from './answer-call.ts';
import { type RawPromptOptions, readRawPrompt } from './read-raw-prompt.ts';
import { readSampling } from './read-sampling.ts';

/** What the handler needs. */
export interface CompleteHandlerContext extends AnswerCallContext, RawPromptOptions {
  /** Id of the model that is served. */
  readonly model: string;
}

/** `ChatService.Complete`: validate, admit, continue the prompt. Failures are the call's status. */
export function complete(
  context: CompleteHandlerContext,
): RpcHandler<(typeof ChatService)['method']['complete']> {
  return async function* (request, caller) {
    const timings = new AnswerTimings();
    const answer = { job: readComplete(request, context), timings, fieldNames: RAW_PROMPT_NAMES };
    for await (const event of answerCall(context, answer, caller)) yield { event };
  };
}

function readComplete(request: CompleteRequest, context: CompleteHandlerContext): AnswerJob {
  if (request.model !== '') checkModel(request.model, context.model);
  const prompt = readRawPrompt(request, context);
  return {
    prompt: toRawPrompt(prompt),
    images: prompt.images,
    continuesText: true,
    sampling: readSampling(request.sampling),
    choices: 1,
    cacheSalt: request.cacheSalt,
  };
}
