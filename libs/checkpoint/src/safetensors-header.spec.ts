import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { DTYPE_BYTES } from './dtype.ts';
import { headerLength, MAX_HEADER_BYTES, parseHeader } from './safetensors-header.ts';
import { coded } from './spec/coded.ts';

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const one = (entry: unknown) => ({ weight: entry });
const parse = (header: unknown, dataBytes: number) => {
  const bytes = encode(header);
  return parseHeader({ name: 'model.safetensors', size: 8 + bytes.length + dataBytes }, bytes);
};
const invalid = (...words: string[]) => coded('checkpoint_invalid', 'model.safetensors', ...words);

test('tells where each tensor lies', () => {
  const header = {
    __metadata__: { format: 'pt' },
    b: { dtype: 'F16', shape: [3], data_offsets: [4, 10] },
    a: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
    none: { dtype: 'I64', shape: [0, 5], data_offsets: [10, 10] },
  };
  const start = 8 + encode(header).length;
  assert.deepEqual(
    parse(header, 10),
    new Map([
      ['b', { dtype: 'F16', shape: [3], offset: start + 4, bytes: 6 }],
      ['a', { dtype: 'F32', shape: [], offset: start, bytes: 4 }],
      ['none', { dtype: 'I64', shape: [0, 5], offset: start + 10, bytes: 0 }],
    ]),
  );
});

test('a header that claims more than is possible is refused before anything is allocated', () => {
  const start = new Uint8Array(8);
  const claim = (length: bigint) => {
    new DataView(start.buffer).setBigUint64(0, length, true);
    return () => headerLength({ name: 'model.safetensors', size: 1000 }, start);
  };
  assert.throws(claim(100_000_000_000n), invalid('100000000000', String(MAX_HEADER_BYTES)));
  assert.throws(claim(2n ** 64n - 1n), invalid(String(MAX_HEADER_BYTES)));
  assert.throws(claim(993n), invalid('truncated'));
  assert.equal(claim(992n)(), 992);
  assert.throws(
    () => headerLength({ name: 'model.safetensors', size: 3 }, new Uint8Array(3)),
    invalid('truncated'),
  );
});

test('a tensor that claims more than the file has is refused by name', () => {
  const huge = { dtype: 'F32', shape: [25_000_000_000], data_offsets: [0, 100_000_000_000] };
  assert.throws(() => parse(one(huge), 16), invalid('"weight"', 'truncated'));
});

const WRONG: Record<string, unknown> = {
  'of an unknown type': { dtype: 'F4', shape: [4], data_offsets: [0, 16] },
  'of a type that is a property of every object': { dtype: 'toString', shape: [4], data_offsets: [0, 16] },
  'smaller than its shape': { dtype: 'F32', shape: [5], data_offsets: [0, 16] },
  'of a negative size': { dtype: 'F32', shape: [-4], data_offsets: [0, 16] },
  'of a fractional size': { dtype: 'F32', shape: [0.5], data_offsets: [0, 2] },
  'of an endless size': { dtype: 'F32', shape: [2 ** 52, 2 ** 52, 0], data_offsets: [0, 16] },
  'without a shape': { dtype: 'F32', data_offsets: [0, 16] },
  'that ends before it begins': { dtype: 'F32', shape: [4], data_offsets: [16, 0] },
  'of one offset': { dtype: 'F32', shape: [0], data_offsets: [0] },
  'of three offsets': { dtype: 'F32', shape: [4], data_offsets: [0, 16, 16] },
  'that is no object': null,
};

for (const [what, entry] of Object.entries(WRONG)) {
  test(`a tensor ${what} is refused by name`, () => {
    assert.throws(() => parse(one(entry), 16), invalid('"weight"'));
  });
}

test('tensors that overlap, or leave gaps, are refused', () => {
  const at = (begin: number, end: number) => ({
    dtype: 'U8',
    shape: [end - begin],
    data_offsets: [begin, end],
  });
  assert.throws(() => parse({ a: at(0, 8), b: at(4, 12) }, 12), invalid('"b"'));
  assert.throws(() => parse({ a: at(0, 8), b: at(0, 8) }, 8), invalid());
  assert.throws(() => parse({ a: at(0, 4), b: at(8, 12) }, 12), invalid('"b"'));
  assert.throws(() => parse({ a: at(0, 4) }, 12), invalid('corrupt'));
});

test('a header that is no JSON object is refused', () => {
  for (const text of ['', '{', '[]', 'null', '7', '"a"'])
    assert.throws(
      () => parseHeader({ name: 'model.safetensors', size: 8 + text.length }, new TextEncoder().encode(text)),
      invalid(),
    );
  assert.throws(() => parseHeader({ name: 'model.safetensors', size: 9 }, Uint8Array.of(0xff)), invalid());
});

test('whatever the header holds: a coded error, or tensors that fill the file', () => {
  const offset = fc.oneof(fc.nat(40), fc.integer(), fc.double());
  const entry = fc.record(
    {
      dtype: fc.oneof(fc.constantFrom(...Object.keys(DTYPE_BYTES)), fc.string()),
      shape: fc.oneof(fc.array(fc.oneof(fc.nat(5), fc.double()), { maxLength: 3 }), fc.anything()),
      data_offsets: fc.oneof(fc.tuple(offset, offset), fc.anything()),
    },
    { requiredKeys: [] },
  );
  const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', '__metadata__', 'constructor'));
  const header = fc.oneof(fc.dictionary(names, fc.oneof(entry, fc.jsonValue())), fc.jsonValue());
  fc.assert(
    fc.property(header, fc.nat(40), (value, dataBytes) => {
      const text = jsonOrNull(value);
      const bytes = new TextEncoder().encode(text);
      checkOutcome(bytes, 8 + bytes.length + dataBytes);
    }),
    { numRuns: 2000 },
  );
});

test('arbitrary bytes as a header: a coded error, or tensors that fill the file', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (bytes, dataBytes) => {
      checkOutcome(bytes, 8 + bytes.length + dataBytes);
    }),
    { numRuns: 2000 },
  );
});

function jsonOrNull(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'null';
  }
}

function checkOutcome(header: Uint8Array, size: number): void {
  try {
    const tensors = parseHeader({ name: 'model.safetensors', size }, header);
    const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(8 + header.length + total, size);
    for (const { dtype, shape, bytes } of tensors.values())
      assert.equal(
        shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]),
        bytes,
      );
  } catch (error) {
    assert.ok(error instanceof DiptychError && error.code === 'checkpoint_invalid', String(error));
  }
}
