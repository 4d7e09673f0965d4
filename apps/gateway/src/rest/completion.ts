import type { TokenLogprob } from '@diptych/contract';
import type { AnswerEvent } from '../chat/answer-chat.ts';
import { type CompletionFrame, finishReason } from './completion-frame.ts';
import { toLogprobs } from './logprobs.ts';
import { toTimings, toUsage } from './usage.ts';

/** A whole answer as one `chat.completion` object. */
export async function collectCompletion(
  events: AsyncIterable<AnswerEvent>,
  { frame, logprobs }: { readonly frame: CompletionFrame; readonly logprobs: boolean },
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
    object: 'chat.completion',
    choices: choices.map((choice, index) => toChoice(choice, index, logprobs)),
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

function toChoice({ text, logprobs, reason }: CollectedChoice, index: number, withLogprobs: boolean): object {
  return {
    index,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: withLogprobs ? toLogprobs(logprobs) : null,
    finish_reason: reason,
  };
}
