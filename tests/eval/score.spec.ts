import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isExact, Scorer } from './score.ts';

const scorer = new Scorer([
  { name: 'cat', plural: 'cats' },
  { name: 'bee', plural: 'bees' },
  { name: 'fish', plural: 'fish' },
  { name: 'soccer ball', plural: 'soccer balls' },
  { name: 'eight ball', plural: 'eight balls' },
  { name: 'ball', plural: 'balls' },
  { name: 'top hat', plural: 'top hats' },
  { name: 'T-shirt', plural: 'T-shirts' },
]);

suite('scoring an answer', () => {
  test('names the longest concepts, in any number and order', () => {
    const named = scorer.namedConcepts('Two cats, a soccer ball and a T-shirt.');
    assert.deepEqual(named, new Set(['cat', 'soccer ball', 'T-shirt']));
  });

  test('wants exactly the set of objects', () => {
    const expected = { text: 'Two cats and a bee.', concepts: ['cat', 'bee'] };
    assert.ok(scorer.isRight('what', 'A bee and three cats.', expected));
    assert.ok(!scorer.isRight('what', 'Two cats.', expected));
    assert.ok(!scorer.isRight('what', 'Two cats, a bee and a fish.', expected));
    assert.ok(!scorer.isRight('second_image', '', expected));
  });

  test('takes the first number outside the concept’s own name', () => {
    const two = { text: 'There are two eight balls.', number: 2 };
    assert.ok(scorer.isRight('count', 'There are two eight balls.', two, 'eight ball'));
    assert.ok(!scorer.isRight('count', 'Eight balls: three.', two, 'eight ball'));
    assert.ok(scorer.isRight('count', 'There are no cats.', { text: '', number: 0 }, 'cat'));
    assert.ok(!scorer.isRight('count', 'Cats everywhere.', { text: '', number: 0 }, 'cat'));
  });

  test('takes the first colour, place, yes or no', () => {
    assert.ok(scorer.isRight('colour', 'The background is grey.', { text: '', colour: 'gray' }));
    assert.ok(scorer.isRight('where', 'In the centre, not on the left.', { text: '', place: 'middle' }));
    const bottom = { text: '', place: 'bottom' };
    assert.ok(scorer.isRight('where', 'The top hat is at the bottom.', bottom, 'top hat'));
    assert.ok(scorer.isRight('present', 'Yes, there is no doubt.', { text: '', present: true }));
    assert.ok(!scorer.isRight('present', 'There is one.', { text: '', present: true }));
  });

  test('compares whole answers but for case and punctuation', () => {
    assert.ok(isExact('two cats, and a bee', { text: 'Two cats and a bee.' }));
    assert.ok(!isExact('a cat and a bee', { text: 'Two cats and a bee.' }));
  });
});
