import type { LanguageService } from '@diptych/contract';
import type { Engine, SequenceRequest } from '@diptych/generation';
import type { RpcHandlers } from '@diptych/rpc';
import type { Tokenizer } from '@diptych/text';
import { AnswerStream, type AnswerTokenizer, type GenerateEvent } from './answer-stream.ts';
import { EventBuffer } from './event-buffer.ts';
import { type GenerateLimits, validateGenerate } from './validate-generate.ts';

/** What the handler works with. */
export interface GenerateOptions extends GenerateLimits {
  readonly tokenizer: Tokenizer;
  readonly engine: Pick<Engine, 'submit'>;
  /** Most events of one answer that wait for its reader. */
  readonly unreadEvents: number;
}

/**
 * Generate: validate, submit, stream. Failures are thrown as coded errors, which the server turns into the call's
 * status. When the call ends in any way its sequence is cancelled, so that its slot is free within a step.
 */
export function createGenerate(options: GenerateOptions): RpcHandlers<typeof LanguageService>['generate'] {
  const { tokenizer, engine, unreadEvents } = options;
  return async function* generate(wire, { signal }) {
    const request = validateGenerate(wire, options);
    const events = new EventBuffer<GenerateEvent>(unreadEvents);
    const answer = new AnswerStream(wire.continueText ? continuing(tokenizer) : tokenizer, request, events);
    if (answer.wasWhole) {
      yield admitted(request);
      answer.finished(nothingLeft(request));
      return yield* events;
    }
    const generation = engine.submit(request, answer);
    const cancel = () => generation.cancel();
    answer.onOverflow = cancel;
    signal.addEventListener('abort', cancel, { once: true });
    try {
      yield admitted(request);
      yield* events;
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  };
}

/** A tokeniser whose answers go on with the text of their prompts. */
function continuing(tokenizer: Tokenizer): AnswerTokenizer {
  return {
    tokenBytes: (id) => tokenizer.tokenBytes(id),
    createDetokenizer: () => tokenizer.createDetokenizer({ continuesText: true }),
  };
}

function admitted({ promptIds, imagePositions, sampling }: SequenceRequest): GenerateEvent {
  const value = { promptTokens: promptIds.length, imageTokens: imagePositions.length, seed: sampling.seed };
  return { event: { case: 'admitted', value } };
}

/** The end of an answer whose last token another machine had already sent. */
function nothingLeft({ promptIds, imagePositions, resumeIds }: SequenceRequest) {
  return {
    reason: 'stop',
    usage: {
      promptTokens: promptIds.length,
      completionTokens: resumeIds.length,
      imageTokens: imagePositions.length,
      cachedTokens: 0,
    },
    timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
  } as const;
}
