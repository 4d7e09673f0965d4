import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageLayout } from '@diptych/image';
import { countIdefics2Tokens, expandIdefics2Image } from './prompt.ts';

const AROUND = '<fake_token_around_image>';

function layout(rows: number, columns: number, tileTokens: readonly number[]): ImageLayout {
  const sizes = { sourceWidth: 9, sourceHeight: 9, processedWidth: 9, processedHeight: 9 };
  return { ...sizes, rows, columns, tileTokens };
}

const whole = layout(0, 0, [2]);

test('a whole image is its placeholders between two marks', () => {
  assert.equal(expandIdefics2Image(whole), `${AROUND}<image><image>${AROUND}`);
});

test('the quarters of an image and the image share the marks between them', () => {
  const one = `<image>${AROUND}`;
  assert.equal(expandIdefics2Image(layout(2, 2, [1, 1, 1, 1, 1])), AROUND + one.repeat(5));
});

test('an image that follows another one shares its mark', () => {
  assert.equal(expandIdefics2Image(whole, { followsImage: true, next: '' }), `<image><image>${AROUND}`);
});

test('a word that follows at once is kept apart by a space', () => {
  for (const next of ['What', '.', '🐝', '\uFEFF', 'é'])
    assert.ok(expandIdefics2Image(whole, { followsImage: false, next }).endsWith(`${AROUND} `), next);
});

test('whitespace and markup are not', () => {
  for (const next of ['', ' x', '\nx', '<end_of_utterance>', '\u001Cx', '\u0085x', '\u00A0x', '\u3000x'])
    assert.ok(expandIdefics2Image(whole, { followsImage: false, next }).endsWith(AROUND), next);
});

test('an image has the latents of one tile, or of five', () => {
  assert.deepEqual(countIdefics2Tokens(layout(0, 0, []), 64), [64]);
  assert.deepEqual(countIdefics2Tokens(layout(2, 2, []), 64), [64, 64, 64, 64, 64]);
});

test('refuses a grid that this model never makes', () => {
  for (const [rows, columns] of [
    [2, 0],
    [0, 2],
    [1, 1],
    [3, 2],
  ] as const) {
    assert.throws(() => countIdefics2Tokens(layout(rows, columns, []), 64), {
      code: 'embedding_invalid',
      param: 'layout.rows',
    });
  }
});
