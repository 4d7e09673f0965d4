import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Detokenizer } from '@diptych/text';
import fc from 'fast-check';
import { AnswerText } from './answer-text.ts';

/** A vocabulary in which each id is one byte. */
const BYTES = {
  createDetokenizer: () => new Detokenizer({ tokenBytes: (id) => Uint8Array.of(id), isSpecial: () => false }),
};

function run(text: AnswerText, ids: Iterable<number>): { told: string; stopped: string | undefined } {
  let told = '';
  for (const id of ids) {
    const result = text.push(id, false);
    told += result.text;
    if (result.stopped !== undefined) return { told, stopped: result.stopped };
  }
  const rest = text.finish();
  return { told: told + rest.text, stopped: rest.stopped };
}

test('the text is the whole text up to the first stop string', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀'), maxLength: 20 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 3 }), {
    maxLength: 1,
  });
  fc.assert(
    fc.property(letters, stops, (whole, stop) => {
      const text = new AnswerText(BYTES, { stop, minTokens: 0 });
      const { told, stopped } = run(text, Buffer.from(whole));
      const end = stop[0] === undefined ? -1 : whole.indexOf(stop[0]);
      assert.equal(told, end < 0 ? whole : whole.slice(0, end));
      assert.equal(stopped, end < 0 ? undefined : stop[0]);
    }),
  );
});

test('a character that never became whole is U+FFFD at the end', () => {
  assert.equal(run(new AnswerText(BYTES, { stop: [], minTokens: 0 }), [0x61, 0xc3]).told, 'a\ufffd');
});

test('a stop string before min_tokens does not end the answer, one after does', () => {
  const text = new AnswerText(BYTES, { stop: ['x'], minTokens: 3 });
  assert.deepEqual(run(text, Buffer.from('xaxbx')), { told: 'xa', stopped: 'x' });
});

test('an end token has no text', () => {
  const text = new AnswerText(BYTES, { stop: [], minTokens: 0 });
  assert.equal(text.push(0x61, true).text + text.finish().text, '');
});
