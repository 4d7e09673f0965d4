import { create } from '@bufbuild/protobuf';
import type { ChatService } from '@diptych/contract';
import { type ChatRequest, type ChatResponse, ChatResponseSchema, FinishReason } from '@diptych/contract';
import type { RpcHandler } from '@diptych/rpc';
import type { Admission } from '../chat/admission.ts';
import { type AnswerContext, type AnswerEvent, answerChat } from '../chat/answer-chat.ts';
import { callEnd } from '../chat/call-signal.ts';
import type { ChatJob } from '../chat/chat-job.ts';
import { checkModel } from '../chat/check-model.ts';
import { AnswerTimings } from '../chat/timings.ts';
import { type ConversationOptions, readConversation } from './read-conversation.ts';
import { readSampling } from './read-sampling.ts';

/** What the handler needs. */
export interface ChatHandlerContext extends AnswerContext, ConversationOptions {
  readonly admission: Admission;
  /** Id of the model that is served. */
  readonly model: string;
  /** Milliseconds that one answer may take, whatever its caller allows. */
  readonly requestTimeoutMs: number;
}

/** `ChatService.Chat`: validate, admit, answer. Failures are the call's status. */
export function chat(context: ChatHandlerContext): RpcHandler<(typeof ChatService)['method']['chat']> {
  return async function* (request, caller) {
    const timings = new AnswerTimings();
    const job = readChat(request, context);
    using place = context.admission.enter();
    const signals = [caller.signal, place.signal];
    using end = callEnd({ timeoutMs: context.requestTimeoutMs, deadline: caller.deadline, signals });
    const call = { signal: end.signal, deadline: end.deadline, timings };
    let reason = FinishReason.UNSPECIFIED;
    for await (const event of answerChat(context, job, call)) {
      if (event.kind === 'finished') reason = event.finished.reason;
      else yield toResponse(event, reason);
    }
  };
}

function readChat(request: ChatRequest, context: ChatHandlerContext): ChatJob {
  if (request.model !== '') checkModel(request.model, context.model);
  return {
    ...readConversation(request.messages, context),
    sampling: readSampling(request.sampling),
    choices: 1,
    cacheSalt: request.cacheSalt,
  };
}

function toResponse(event: Exclude<AnswerEvent, { kind: 'finished' }>, reason: FinishReason): ChatResponse {
  switch (event.kind) {
    case 'admitted': {
      const { promptTokens, imageTokens, seed } = event;
      return create(ChatResponseSchema, {
        event: { case: 'admitted', value: { promptTokens, imageTokens, seed } },
      });
    }
    case 'delta':
      return create(ChatResponseSchema, { event: { case: 'delta', value: event.delta } });
    case 'summary': {
      const { usage, timings } = event;
      return create(ChatResponseSchema, { event: { case: 'finished', value: { reason, usage, timings } } });
    }
  }
}
