import type { TokenLogprob } from '@diptych/contract';
import type { AnswerEvent } from '../chat/answer-prompt.ts';
import { type AnswerFrame, finishReason } from './answer-frame.ts';
import type { AnswerShape } from './answer-shape.ts';
import { toTimings, toUsage } from './usage.ts';

/** How an answer is put into one object. */
export interface ObjectOptions {
  readonly frame: AnswerFrame;
  readonly shape: AnswerShape;
}

/** A whole answer as one object of OpenAI's. */
export async function answerObject(
  events: AsyncIterable<AnswerEvent>,
  { frame, shape }: ObjectOptions,
): Promise<object> {
  const choices: CollectedChoice[] = [];
  let end = {};
  for await (const event of events) {
    if (event.kind === 'summary') {
      end = { usage: toUsage(event.usage), timings: toTimings(event.timings) };
    } else {
      collect((choices[event.choice] ??= { text: '', logprobs: [], reason: 'stop' }), event);
    }
  }
  return {
    ...frame,
    object: shape.object,
    choices: choices.map((choice, index) => toChoice(choice, index, shape)),
    ...end,
  };
}

interface CollectedChoice {
  text: string;
  readonly logprobs: TokenLogprob[];
  reason: string;
}

function collect(choice: CollectedChoice, event: Exclude<AnswerEvent, { kind: 'summary' }>): void {
  if (event.kind === 'delta') {
    choice.text += event.delta.text;
    choice.logprobs.push(...event.delta.logprobs);
  } else if (event.kind === 'finished') {
    choice.reason = finishReason(event.finished.reason);
  }
}

function toChoice({ text, logprobs, reason }: CollectedChoice, index: number, shape: AnswerShape): object {
  return {
    index,
    ...shape.whole(text),
    logprobs: shape.logprobs?.()(logprobs) ?? null,
    finish_reason: reason,
  };
}
