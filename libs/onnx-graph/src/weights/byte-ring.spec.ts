import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteRing, type Region } from './byte-ring.ts';

const SIZE = 256;

test('regions lie within the ring, aligned, all zero, and never over one another', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: SIZE }), fc.constant(undefined)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (sizes) => {
      const ring = new ByteRing(SIZE);
      const live: Region[] = [];
      for (const size of sizes) {
        if (size === undefined) {
          live.shift();
          ring.release();
          continue;
        }
        const region = ring.allocate(size);
        assert.ok(region ?? live.length > 0, 'an empty ring has room for everything that fits');
        if (!region) continue;
        assert.ok(region.length >= size && region.offset % 8 === 0 && region.offset + region.length <= SIZE);
        for (const other of live) assert.ok(endOf(region) <= other.offset || endOf(other) <= region.offset);
        const bytes = new Uint8Array(ring.buffer, region.offset, region.length);
        assert.ok(bytes.every((byte) => byte === 0));
        bytes.fill(1);
        live.push(region);
      }
    }),
  );
});

test('what is larger than the ring gets no region', () => {
  assert.equal(new ByteRing(8).allocate(9), undefined);
});

function endOf({ offset, length }: Region): number {
  return offset + length;
}
