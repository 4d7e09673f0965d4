import assert from 'node:assert/strict';

/** A chunk or an error of a stream, as loosely as a client reads it. */
export interface StreamEvent {
  readonly choices?: readonly {
    readonly index: number;
    /** Of a chat. */
    readonly delta?: { readonly role?: string; readonly content?: string };
    /** Of a completion. */
    readonly text?: string;
    readonly logprobs: unknown;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
  readonly timings?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The events of a stream that ended, without the last one where that is `[DONE]`. */
export async function readEvents(response: Response): Promise<{ events: StreamEvent[]; done: boolean }> {
  const blocks = (await response.text()).split('\n\n');
  assert.equal(blocks.pop(), '');
  const data = blocks.map((block) => {
    assert.ok(block.startsWith('data: '), block);
    return block.slice('data: '.length);
  });
  const done = data.at(-1) === '[DONE]';
  return {
    events: data.slice(0, done ? -1 : undefined).map((text) => JSON.parse(text) as StreamEvent),
    done,
  };
}

/** The text that a stream says for one choice. */
export function textOf(events: readonly StreamEvent[], index = 0): string {
  const choices = events.flatMap(({ choices = [] }) => choices);
  return choices
    .filter((choice) => choice.index === index)
    .map(({ delta, text }) => delta?.content ?? text ?? '')
    .join('');
}
