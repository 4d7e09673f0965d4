import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { StopMatcher } from './stop-matcher.ts';

interface Outcome {
  readonly text: string;
  readonly stopped: string | undefined;
}

function stream(stops: readonly string[], chunks: readonly string[]): Outcome {
  const matcher = new StopMatcher(stops);
  let text = '';
  for (const chunk of chunks) {
    const result = matcher.push(chunk);
    text += result.text;
    if (result.stopped !== undefined) return { text, stopped: result.stopped };
  }
  return { text: text + matcher.finish(), stopped: undefined };
}

/** Reads the whole text character by character, and stops as soon as it ends with a stop string. */
function readWhole(stops: readonly string[], text: string): Outcome {
  for (let end = 1; end <= text.length; end += 1) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const [stopped] = ending.toSorted((a, b) => b.length - a.length);
    if (stopped !== undefined) return { text: text.slice(0, end - stopped.length), stopped };
  }
  return { text, stopped: undefined };
}

test('cuts any stream where the whole text would be cut, however it is chunked', () => {
  const letters = (options: { minLength?: number; maxLength: number }) =>
    fc.string({ unit: fc.constantFrom('a', 'b', '🐱'), ...options });
  const stops = fc.array(letters({ minLength: 1, maxLength: 5 }), { maxLength: 6 });
  fc.assert(
    fc.property(stops, fc.array(letters({ maxLength: 4 }), { maxLength: 12 }), (strings, chunks) => {
      assert.deepEqual(stream(strings, chunks), readWhole(strings, chunks.join('')));
    }),
    { numRuns: 3000 },
  );
});

test('lets text through at once that cannot begin a stop string', () => {
  const matcher = new StopMatcher(['</s>', 'User:']);
  assert.deepEqual(matcher.push('Two cats.'), { text: 'Two cats.' });
  assert.deepEqual(matcher.push(' Use'), { text: ' ' });
  assert.deepEqual(matcher.push('d'), { text: 'Used' });
  assert.deepEqual(matcher.push('<'), { text: '' });
  assert.equal(matcher.finish(), '<');
  assert.equal(matcher.finish(), '');
});

test('many stop strings of a long answer are quick', () => {
  const stops = Array.from({ length: 16 }, (_, index) => `${'ab'.repeat(200)}${index}`);
  const chunks = Array.from({ length: 2000 }, () => 'ab');
  assert.deepEqual(stream(stops, chunks), { text: 'ab'.repeat(2000), stopped: undefined });
});

test('without stop strings all text passes', () => {
  assert.deepEqual(stream([], ['a', '', 'b']), { text: 'ab', stopped: undefined });
});

test('an empty or malformed stop string is refused by its place', () => {
  for (const stop of ['', '\ud83d']) {
    assert.throws(
      () => new StopMatcher(['ok', stop]),
      (error) =>
        error instanceof DiptychError && error.code === 'invalid_parameter' && error.param === 'stop[1]',
    );
  }
});
