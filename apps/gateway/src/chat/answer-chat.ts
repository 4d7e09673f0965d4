import { create } from '@bufbuild/protobuf';
import {
  type ChatTimings,
  type Delta,
  type Finished,
  type GenerateRequest,
  GenerateRequestSchema,
  type ImageEmbedding,
  type Usage,
  UsageSchema,
} from '@diptych/contract';
import type { FetchImage } from '../images/fetch-image.ts';
import type { Stages } from '../stages/stages.ts';
import { failureOf } from './call-signal.ts';
import type { ChatJob } from './chat-job.ts';
import { encodeImages } from './encode-images.ts';
import { generateChoices } from './generate.ts';
import { type PromptTemplate, toPrompt } from './prompt.ts';
import type { AnswerTimings } from './timings.ts';

/** What answering needs, for the life of the process. */
export interface AnswerContext {
  readonly stages: Stages;
  readonly template: PromptTemplate;
  readonly fetchImage: FetchImage;
}

/** What one answer needs. */
export interface AnswerCall {
  /** Ends everything downstream. */
  readonly signal: AbortSignal;
  /** Started when the request arrived. */
  readonly timings: AnswerTimings;
}

/** An event of an answer. `admitted` comes once for each choice before all else, `summary` once at the end. */
export type AnswerEvent =
  | {
      readonly kind: 'admitted';
      readonly choice: number;
      readonly promptTokens: number;
      readonly imageTokens: number;
      readonly seed: bigint;
    }
  | { readonly kind: 'delta'; readonly choice: number; readonly delta: Delta }
  | { readonly kind: 'finished'; readonly choice: number; readonly finished: Finished }
  | { readonly kind: 'summary'; readonly usage: Usage; readonly timings: ChatTimings };

/**
 * Answers a conversation: renders the prompt, obtains and encodes the images, generates. REST and gRPC only
 * translate what comes out. Failures are DiptychErrors; before the first event nothing was generated.
 */
export async function* answerChat(
  context: AnswerContext,
  job: ChatJob,
  call: AnswerCall,
): AsyncGenerator<AnswerEvent> {
  try {
    yield* answer(context, job, call);
  } catch (error) {
    throw failureOf(error, call.signal);
  }
}

async function* answer(context: AnswerContext, job: ChatJob, call: AnswerCall): AsyncGenerator<AnswerEvent> {
  const prompt = toPrompt(context.template, job);
  const images = await encodeImages({ ...context, vision: context.stages.vision }, job.images, call);
  const request = generateRequest(job, prompt, images);
  const finished: Finished[] = [];
  const events = generateChoices(context.stages.language, request, { ...job, signal: call.signal });
  for await (const { choice, event } of events) {
    if (event.case === 'admitted') {
      const { promptTokens, imageTokens, seed } = event.value;
      yield { kind: 'admitted', choice, promptTokens, imageTokens, seed };
    } else if (event.case === 'delta') {
      if (event.value.text !== '') call.timings.spoke();
      yield { kind: 'delta', choice, delta: event.value };
    } else {
      call.timings.generated(event.value.timings);
      finished.push(event.value);
      yield { kind: 'finished', choice, finished: event.value };
    }
  }
  yield { kind: 'summary', usage: totalUsage(finished), timings: call.timings.collected };
}

function generateRequest(
  job: ChatJob,
  prompt: GenerateRequest['prompt'],
  images: ImageEmbedding[],
): GenerateRequest {
  const { sampling, cacheSalt } = job;
  return create(GenerateRequestSchema, { ...(prompt && { prompt }), images, sampling, cacheSalt });
}

/** The prompt counts once, whatever the number of answers. */
function totalUsage(finished: readonly Finished[]): Usage {
  const total = create(UsageSchema);
  for (const { usage } of finished) {
    if (!usage) continue;
    total.promptTokens = usage.promptTokens;
    total.imageTokens = usage.imageTokens;
    total.cachedTokens = Math.max(total.cachedTokens, usage.cachedTokens);
    total.completionTokens += usage.completionTokens;
  }
  return total;
}
