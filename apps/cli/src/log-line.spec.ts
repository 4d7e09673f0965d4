import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isComplaint, isProgress, readable } from './log-line.ts';

suite('a line of a service’s log', () => {
  test('is shown by its message', () => {
    assert.equal(readable('{"level":30,"msg":"serving"}'), 'serving');
    assert.equal(readable('plain words'), 'plain words');
  });

  test('is a complaint from the level warn on', () => {
    assert.ok(isComplaint('{"level":50,"msg":"it broke"}'));
    assert.ok(!isComplaint('{"level":30,"msg":"serving"}'));
  });

  test('is a complaint in plain words, but not where an uncaught error prints its surroundings', () => {
    assert.ok(isComplaint('lm-service: config.json is missing (checkpoint_file_missing)'));
    assert.ok(isComplaint('Error: Could not load the "sharp" module'));
    for (const line of ['    at main.ts:3:1', '}', 'Node.js v24.21.0', ''])
      assert.ok(!isComplaint(line), line);
  });

  test('is progress only where a service says so', () => {
    assert.ok(isProgress('{"level":30,"progress":true,"msg":"Compiling pico; this happens once."}'));
    assert.ok(!isProgress('{"level":30,"msg":"serving"}'));
  });
});
