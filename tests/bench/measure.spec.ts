import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { measureShape } from './measure.ts';
import { processUse } from './process-use.ts';
import { toMarkdown } from './shape-report.ts';
import { findShape } from './shapes.ts';

suite('measuring a shape', () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  });
  after(() => rm(home, { recursive: true }));

  test('compiles it, loads it, and asks about two images over two turns', async () => {
    const shape = findShape('tiny');
    const report = await measureShape({ shape, weights: 'float32', tokens: 8, home });
    assert.ok(report.compile !== null && report.compile.readySeconds > 0);
    assert.ok(report.compiledBytes.vision > 0 && report.compiledBytes.language > 0);
    assert.ok(report.load.log.every(({ message }) => !message.startsWith('Compil')));
    assert.deepEqual(
      report.turns.map(({ imageTokens, completionTokens }) => ({ imageTokens, completionTokens })),
      [
        { imageTokens: 4, completionTokens: 8 },
        { imageTokens: 8, completionTokens: 8 },
      ],
    );
    const [head = [], , row = []] = toMarkdown(report).split('\n').slice(2).map(cells);
    assert.equal(row.length, head.length);
    assert.ok(row.includes('tiny, 0.00 B'));
  });
});

test('what the system does not tell is null', () => {
  assert.equal(processUse(undefined), null);
  assert.equal(processUse(2 ** 30), null);
});

test('what this process uses is told where the system has /proc', {
  skip: process.platform !== 'linux',
}, () => {
  const use = processUse(process.pid);
  assert.ok(use !== null && use.anonymous < use.resident && use.resident <= use.peak);
  assert.ok(use.cpuSeconds > 0 && use.cpuSeconds < 60 * 60);
});

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
