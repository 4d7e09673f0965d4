import { clone } from '@bufbuild/protobuf';
import { type GenerateRequest, type GenerateResponse, SamplingSchema } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { LanguageClient } from '../stages/stages.ts';
import type { CallEnd } from './call-signal.ts';
import { type ChoiceEvent, mergeChoices } from './merge-choices.ts';

/** Event of a generation; never without a value. */
export type GenerationEvent = Exclude<GenerateResponse['event'], { case: undefined }>;

/**
 * Generates `choices` answers to one prompt at the same time. With a seed, answer `i` draws from the seed
 * plus `i`, so that answer 0 is the one that a single generation gives. The language service shares what it
 * has cached of the common prompt.
 *
 * Ends every generation when the consumer stops or one of them fails.
 */
export async function* generateChoices(
  language: LanguageClient,
  request: GenerateRequest,
  { choices, signal, deadline }: CallEnd & { readonly choices: number },
): AsyncGenerator<ChoiceEvent<GenerationEvent>> {
  const end = new AbortController();
  const call = { signal: AbortSignal.any([signal, end.signal]), deadline };
  const requests = Array.from({ length: choices }, (_, choice) => seeded(request, choice));
  try {
    yield* mergeChoices(requests.map((one) => wholeGeneration(language.generate(one, call))));
  } finally {
    end.abort();
  }
}

/** Passes a stream on and sees to it that it is whole: Admitted first, Finished last. */
async function* wholeGeneration(stream: AsyncIterable<GenerateResponse>): AsyncGenerator<GenerationEvent> {
  let last: GenerationEvent['case'] | undefined;
  for await (const { event } of stream) {
    if (
      event.case === undefined ||
      (event.case === 'admitted') !== (last === undefined) ||
      last === 'finished'
    ) {
      throw new DiptychError('internal', 'The language service answered with events out of order.');
    }
    last = event.case;
    yield event;
  }
  if (last !== 'finished') {
    throw new DiptychError(
      'stream_interrupted',
      'The language service ended the stream before the answer was complete.',
    );
  }
}

function seeded(request: GenerateRequest, choice: number): GenerateRequest {
  const { sampling } = request;
  if (choice === 0 || sampling?.seed === undefined) return request;
  const seed = BigInt.asUintN(64, sampling.seed + BigInt(choice));
  return { ...request, sampling: Object.assign(clone(SamplingSchema, sampling), { seed }) };
}
