import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINE_RULES, type LineId, type Measured, toLines } from './lines.ts';

/** As the benchmark promises them. */
const BOUNDS: Record<LineId, number> = {
  ttft_vs_transformersjs: 3,
  ttft_vs_transformers: 1.3,
  decode1200_vs_transformersjs: 4,
  decode1200_vs_transformers: 2,
  decode4000_vs_transformersjs: 6,
  decode4000_vs_transformers: 2,
  throughput16_vs_1: 6,
  second_turn: 8,
  split_ttft: 1.05,
  split_itl: 1.03,
  itl_p99_under_prefill: 3,
  event_loop_p99_ms: 20,
  decode_bandwidth: 0.6,
  rss_ratio: 1.35,
};

const IDS = Object.keys(BOUNDS) as LineId[];

test('every line has its bound, and a value just there holds', () => {
  const lines = toLines(BOUNDS);
  assert.deepEqual(
    lines,
    IDS.map((id) => ({ id, value: BOUNDS[id], bound: BOUNDS[id], holds: true })),
  );
});

test('a value on the wrong side of its bound does not hold', () => {
  const worse = IDS.map((id) => [id, BOUNDS[id] + (LINE_RULES[id].sense === 'at least' ? -0.01 : 0.01)]);
  const lines = toLines(Object.fromEntries(worse) as Record<LineId, Measured>);
  assert.deepEqual(
    lines.filter(({ holds }) => holds),
    [],
  );
});

test('what was not measured does not hold, and says why', () => {
  const lines = toLines({ ...BOUNDS, rss_ratio: { reason: 'no /proc' } });
  const expected = { id: 'rss_ratio', value: null, bound: 1.35, holds: false, reason: 'no /proc' };
  assert.deepEqual(lines.at(-1), expected);
});
