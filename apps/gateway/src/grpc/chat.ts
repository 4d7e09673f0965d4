import type { ChatRequest, ChatService } from '@diptych/contract';
import type { RpcHandler } from '@diptych/rpc';
import type { AnswerJob } from '../chat/answer-job.ts';
import { checkModel } from '../chat/check-model.ts';
import { type PromptTemplate, toPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import { type AnswerCallContext, answerCall } from './answer-call.ts';
import { readConversation } from './read-conversation.ts';
import type { ImageOptions } from './read-image.ts';
import { readSampling } from './read-sampling.ts';

/** What the handler needs. */
export interface ChatHandlerContext extends AnswerCallContext, ImageOptions {
  /** Id of the model that is served. */
  readonly model: string;
  readonly template: PromptTemplate;
}

/** `ChatService.Chat`: validate, render the prompt, admit, answer. Failures are the call's status. */
export function chat(context: ChatHandlerContext): RpcHandler<(typeof ChatService)['method']['chat']> {
  return async function* (request, caller) {
    const timings = new AnswerTimings();
    const job = readChat(request, context);
    for await (const event of answerCall(context, { job, timings }, caller)) yield { event };
  };
}

function readChat(request: ChatRequest, context: ChatHandlerContext): AnswerJob {
  if (request.model !== '') checkModel(request.model, context.model);
  const conversation = readConversation(request.messages, context);
  return {
    prompt: toPrompt(context.template, conversation),
    images: conversation.images,
    continuesText: false,
    sampling: readSampling(request.sampling),
    choices: 1,
    cacheSalt: request.cacheSalt,
  };
}
