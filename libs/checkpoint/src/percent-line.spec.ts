import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentLines } from './percent-line.ts';

test('a line every two seconds tells share and time, at the speed of what was done since the start', () => {
  const lines: string[] = [];
  let time = 5_000;
  const report = percentLines(
    'compiling language',
    (line) => lines.push(line),
    () => time,
  );
  const at = (seconds: number, done: number) => {
    time = 5_000 + seconds * 1_000;
    report({ done, total: 1_000, before: 100 });
  };
  at(0, 100);
  at(1, 110);
  at(2, 120);
  at(3, 200);
  at(4, 300);
  at(5, 400);
  at(90, 400);
  at(92, 1_000);
  assert.deepEqual(lines, [
    'compiling language: 12 %',
    'compiling language: 30 %, about 14 s left',
    'compiling language: 40 %, about 3 min left',
  ]);
});
