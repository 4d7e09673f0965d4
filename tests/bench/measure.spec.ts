import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { measureShape } from './measure.ts';
import { processMemory } from './process-memory.ts';
import { toMarkdown } from './report.ts';
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

test('memory that the system does not tell is null', () => {
  assert.equal(processMemory(undefined), null);
  assert.equal(processMemory(2 ** 30), null);
});

test('memory of this process is told where the system has /proc', {
  skip: process.platform !== 'linux',
}, () => {
  const memory = processMemory(process.pid);
  assert.ok(memory !== null && memory.anonymous < memory.resident && memory.resident <= memory.peak);
});

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
