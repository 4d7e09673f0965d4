import { create } from '@bufbuild/protobuf';
import {
  type ChatTimings,
  type Delta,
  type Finished,
  GenerateRequestSchema,
  type Usage,
  UsageSchema,
} from '@diptych/contract';
import type { FetchImage } from '../images/fetch-image.ts';
import type { Stages } from '../stages/stages.ts';
import type { AnswerJob } from './answer-job.ts';
import type { CallEnd } from './call-signal.ts';
import { encodeImages } from './encode-images.ts';
import { type GenerationEvent, generateChoices } from './generate.ts';
import type { ChoiceEvent } from './merge-choices.ts';
import type { AnswerTimings } from './timings.ts';

/** What answering needs, for the life of the process. */
export interface AnswerContext {
  readonly stages: Stages;
  readonly fetchImage: FetchImage;
}

/** What one answer needs. */
export interface AnswerCall extends CallEnd {
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
 * Answers a prompt: obtains and encodes its images, generates. REST and gRPC, conversations and raw prompts only
 * translate what goes in and comes out. Failures are DiptychErrors; before the first event nothing was generated.
 */
export async function* answerPrompt(
  context: AnswerContext,
  job: AnswerJob,
  call: AnswerCall,
): AsyncGenerator<AnswerEvent> {
  const images = await encodeImages({ ...context, vision: context.stages.vision }, job.images, call);
  const { prompt, sampling, cacheSalt, continuesText: continueText, choices } = job;
  const request = create(GenerateRequestSchema, { prompt, images, sampling, cacheSalt, continueText });
  const finished: Finished[] = [];
  const { signal, deadline, timings } = call;
  const generation = { choices, signal, deadline };
  for await (const event of generateChoices(context.stages.language, request, generation)) {
    if (event.event.case === 'finished') finished.push(event.event.value);
    yield toAnswerEvent(event, timings);
  }
  yield { kind: 'summary', usage: totalUsage(finished), timings: timings.collected };
}

function toAnswerEvent({ choice, event }: ChoiceEvent<GenerationEvent>, timings: AnswerTimings): AnswerEvent {
  switch (event.case) {
    case 'admitted': {
      const { promptTokens, imageTokens, seed } = event.value;
      return { kind: 'admitted', choice, promptTokens, imageTokens, seed };
    }
    case 'delta':
      if (event.value.text !== '') timings.spoke();
      return { kind: 'delta', choice, delta: event.value };
    case 'finished':
      timings.generated(event.value.timings);
      return { kind: 'finished', choice, finished: event.value };
  }
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
