import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Detokenizer, type TokenTable } from './detokenizer.ts';

/** Token `i` has the bytes `tokens[i]`; the ids in `special` are special. */
function table(tokens: readonly Uint8Array[], special: readonly number[] = []): TokenTable {
  return { tokenBytes: (id) => tokens[id] ?? new Uint8Array(0), isSpecial: (id) => special.includes(id) };
}

function decodeAll(detokenizer: Detokenizer, count: number): string[] {
  return [...Array.from({ length: count }, (_, id) => detokenizer.push(id)), detokenizer.finish()];
}

const utf8 = (text: string) => new TextEncoder().encode(text);

test('holds a character back until it is whole', () => {
  const [a = 0, b = 0, c = 0, d = 0] = utf8('🐱');
  const tokens = [utf8('a'), Uint8Array.of(a, b), Uint8Array.of(c), Uint8Array.of(d, 0x21)];
  assert.deepEqual(decodeAll(new Detokenizer(table(tokens)), 4), ['a', '', '', '🐱!', '']);
});

test('any bytes cut into any tokens give the text of the whole', () => {
  const byte = fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x80, 0xbf, 0xc2, 0xe0, 0xe4, 0xed, 0xef, 0xf0, 0xf4, 0xbb),
  );
  const tokens = fc.array(fc.array(byte, { maxLength: 4 }), { maxLength: 20 });
  fc.assert(
    fc.property(tokens, (lists) => {
      const streamed = decodeAll(
        new Detokenizer(table(lists.map((list) => Uint8Array.from(list)))),
        lists.length,
      );
      assert.equal(streamed.join(''), Buffer.from(lists.flat()).toString('utf8'));
    }),
    { numRuns: 1000 },
  );
});

test('any text cut into any bytes comes out unchanged, in whole characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const typed = text.toWellFormed();
      const tokens = Array.from(utf8(typed), (byte) => Uint8Array.of(byte));
      const streamed = decodeAll(new Detokenizer(table(tokens)), tokens.length);
      assert.equal(streamed.join(''), typed);
      assert.ok(streamed.every((piece) => piece.isWellFormed()));
    }),
  );
});

test('ends an unfinished character with U+FFFD', () => {
  assert.deepEqual(decodeAll(new Detokenizer(table([Uint8Array.of(0xf0, 0x9f)])), 1), ['', '\ufffd']);
});

test('leaves special tokens out, also in the middle of a character', () => {
  const [a = 0, b = 0] = utf8('é');
  const tokens = [Uint8Array.of(a), utf8('<|im_end|>'), Uint8Array.of(b)];
  assert.deepEqual(decodeAll(new Detokenizer(table(tokens, [1])), 3), ['', '', 'é', '']);
});

test('drops the one space that begins a SentencePiece text', () => {
  const tokens = [utf8('<s>'), new Uint8Array(0), utf8('  a'), utf8(' b')];
  const detokenizer = new Detokenizer(table(tokens, [0]), { dropLeadingSpace: true });
  assert.equal(decodeAll(detokenizer, 4).join(''), ' a b');
});
