import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, type LogLevel } from './logger.ts';

function capture(level: LogLevel) {
  const lines: Record<string, unknown>[] = [];
  const stream = {
    write: (line: string) => {
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  };
  return { lines, logger: createLogger({ name: 'part', stream, level }) };
}

test('a line is one JSON object that names the part', () => {
  const { lines, logger } = capture('info');
  logger.info({ tokens: 3 }, 'done');
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.['name'], 'part');
  assert.equal(lines[0]['tokens'], 3);
  assert.equal(lines[0]['msg'], 'done');
});

test('what a user sent never reaches the log', () => {
  const { lines, logger } = capture('info');
  logger.info({ prompt: 'a secret', request: { text: 'a secret', count: 2 }, image: [1, 2] }, 'request');
  assert.ok(!JSON.stringify(lines).includes('secret'));
  assert.deepEqual(lines[0]?.['request'], { text: '[redacted]', count: 2 });
});

test('an error is logged with its message and cause, and what is below the level is not', () => {
  const { lines, logger } = capture('info');
  logger.debug('not written');
  logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  assert.equal(lines.length, 1);
  assert.match(JSON.stringify(lines[0]), /outer.*inner/);
});
