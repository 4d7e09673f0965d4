export { DiptychError, type ErrorCode } from '@diptych/errors';
export type {
  Answer,
  AnswerOptions,
  ChatBody,
  ChatChunk,
  ChatCompletion,
  ChatImage,
  ChatMessage,
  ChatPart,
  Completion,
  CompletionBody,
  CompletionChunk,
  EmbeddedModel,
  Logprob,
  OpenOptions,
  SamplingBody,
  Timings,
  Usage,
} from './api.ts';
export { openModel } from './open-model.ts';
