/** What a line of the benchmark measures, and what it asks for. */
export interface LineRule {
  readonly figure: string;
  readonly bound: number;
  readonly sense: 'at least' | 'at most';
}

/** The lines to pass, by id. */
export const LINE_RULES = {
  ttft_vs_transformersjs: atLeast(3, 'time to first token, one 512-pixel image, theirs against ours'),
  ttft_vs_transformers: atLeast(1.3, 'time to first token, one 512-pixel image, theirs against ours'),
  decode1200_vs_transformersjs: atLeast(4, 'time between tokens at 1,200 tokens, theirs against ours'),
  decode1200_vs_transformers: atLeast(2, 'time between tokens at 1,200 tokens, theirs against ours'),
  decode4000_vs_transformersjs: atLeast(6, 'time between tokens at 4,000 tokens, theirs against ours'),
  decode4000_vs_transformers: atLeast(2, 'time between tokens at 4,000 tokens, theirs against ours'),
  throughput16_vs_1: atLeast(6, 'tokens per second, 16 clients against one'),
  second_turn: atLeast(8, 'time to first token, first turn with an image against second'),
  split_ttft: atMost(1.05, 'time to first token, three processes against in process'),
  split_itl: atMost(1.03, 'time between tokens, three processes against in process'),
  itl_p99_under_prefill: atMost(3, 'p99 between tokens during a long prefill against the undisturbed median'),
  event_loop_p99_ms: atMost(20, 'event-loop delay p99 in ms, worst service, 16 clients'),
  decode_bandwidth: atLeast(0.6, 'reading a step’s bytes at memory bandwidth, against its time'),
  rss_ratio: atMost(1.35, 'lm-service resident memory against weights and cache in use'),
} as const satisfies Record<string, LineRule>;

/** Name of a line. */
export type LineId = keyof typeof LINE_RULES;

/** A line, measured. */
export interface Line {
  readonly id: LineId;
  /** null where it was not measured. */
  readonly value: number | null;
  readonly bound: number;
  readonly holds: boolean;
  /** Why it was not measured. */
  readonly reason?: string;
}

/** A value, or why there is none. */
export type Measured = number | { readonly reason: string };

/** Holds each value against its line, in the order of the rules. */
export function toLines(values: Readonly<Record<LineId, Measured>>): Line[] {
  return (Object.keys(LINE_RULES) as LineId[]).map((id) => toLine(id, values[id]));
}

function toLine(id: LineId, measured: Measured): Line {
  const { bound, sense } = LINE_RULES[id];
  if (typeof measured !== 'number') return { id, value: null, bound, holds: false, reason: measured.reason };
  return { id, value: measured, bound, holds: sense === 'at least' ? measured >= bound : measured <= bound };
}

function atLeast(bound: number, figure: string) {
  return { figure, bound, sense: 'at least' } as const;
}

function atMost(bound: number, figure: string) {
  return { figure, bound, sense: 'at most' } as const;
}
