import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageNeighbours } from './image-neighbours.ts';
import type { Segment } from './prompt.ts';

const image = (index: number): Segment => ({ kind: 'image', index });
const template = (text: string): Segment => ({ kind: 'template', text });
const user = (text: string): Segment => ({ kind: 'user', text });

test('tells images that touch, and the text after each', () => {
  const segments = [template('User:'), image(1), image(0), user('What?'), template('\n'), image(2)];
  assert.deepEqual(
    imageNeighbours(segments),
    new Map([
      [1, { followsImage: false, next: '' }],
      [0, { followsImage: true, next: 'What?' }],
      [2, { followsImage: false, next: '' }],
    ]),
  );
});

test('empty text is no neighbour', () => {
  const segments = [image(0), user(''), image(1), template(''), user(' x')];
  assert.deepEqual(imageNeighbours(segments).get(1), { followsImage: true, next: ' x' });
});
