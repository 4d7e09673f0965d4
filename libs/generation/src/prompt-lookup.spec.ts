import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PromptLookup } from './prompt-lookup.ts';

const tokens = (...ids: number[]) => Int32Array.from(ids);
const guess = (ids: Int32Array, most = 4, limit = 100) => [
  ...new PromptLookup(ids, most).guess(ids.length, limit),
];

test('guesses what followed the last three tokens when they stood there before', () => {
  assert.deepEqual(guess(tokens(9, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3)), [4, 5, 6, 7]);
  assert.deepEqual(guess(tokens(1, 2, 3, 4, 8, 1, 2, 3, 5, 9, 1, 2, 3), 2), [5, 9], 'the last time');
});

test('guesses nothing where they did not', () => {
  assert.deepEqual(guess(tokens(1, 2, 3, 4, 5)), []);
  assert.deepEqual(guess(tokens(7, 2, 3, 4, 1, 2, 3)), []);
  assert.deepEqual(guess(tokens(1, 2)), []);
  assert.deepEqual(guess(tokens()), []);
});

test('goes on with a repetition beyond what is there', () => {
  assert.deepEqual(guess(tokens(5, 5, 5, 5), 3), [5, 5, 5]);
  assert.deepEqual(guess(tokens(1, 2, 1, 2, 1), 4), [2, 1, 2, 1]);
});

test('keeps to the limit', () => {
  assert.deepEqual(guess(tokens(5, 5, 5, 5), 3, 1), [5]);
  assert.deepEqual(guess(tokens(5, 5, 5, 5), 3, 0), []);
  assert.deepEqual(guess(tokens(5, 5, 5, 5), 3, -1), []);
});

test('after wrong guesses it pauses, longer each time, and a right one ends that', () => {
  const lookup = new PromptLookup(new Int32Array(1000).fill(5), 4);
  let length = 10;
  const pauseAfter = (right: number) => {
    lookup.checked({ guessed: 4, right, length });
    const start = length;
    while (lookup.guess(length, 100).length === 0) length += 1;
    return length - start;
  };
  assert.deepEqual([0, 1, 0, 0, 0, 0, 2, 0].map(pauseAfter), [4, 8, 16, 32, 64, 64, 0, 4]);
});

test('a guess depends on the tokens up to it, not on what is known behind or was asked before', () => {
  const anyTokens = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 80 });
  fc.assert(
    fc.property(anyTokens, fc.array(fc.boolean()), (ids, asked) => {
      const grown = new PromptLookup(Int32Array.from(ids), 5);
      for (let length = 1; length <= ids.length; length++) {
        if (asked[length] === true) continue;
        const wanted = new PromptLookup(Int32Array.from(ids.slice(0, length)), 5).guess(length, 9);
        assert.deepEqual(grown.guess(length, 9), wanted);
      }
    }),
  );
});
