import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { placeRows } from './prefix.ts';
import { type SlotLease, type SlotRequest, SlotTable } from './slots.ts';

function wants(ids: readonly number[], salt = '', images: Parameters<typeof placeRows>[1] = []): SlotRequest {
  const positions = Int32Array.from(ids.flatMap((id, position) => (id === 0 ? [position] : [])));
  return { ids: Int32Array.from(ids), rows: placeRows(positions, images), salt };
}

function acquire(table: SlotTable, request: SlotRequest): SlotLease {
  const lease = table.acquire(request);
  assert.ok(lease);
  return lease;
}

/** Runs a sequence to its end. */
function use(table: SlotTable, request: SlotRequest): SlotLease {
  const lease = acquire(table, request);
  lease.append(request.ids.subarray(lease.cached));
  lease.release({ keep: true });
  return lease;
}

test('a prompt starts from the longest prefix that a slot holds', () => {
  const table = new SlotTable(3, 16);
  use(table, wants([2, 3, 4, 5]));
  const longest = use(table, wants([6, 3, 4, 5, 7, 8]));
  const lease = acquire(table, wants([6, 3, 4, 5, 9, 9]));
  assert.deepEqual([lease.slot, lease.cached], [longest.slot, 4]);
});

test('the last token is always computed', () => {
  const table = new SlotTable(1, 16);
  use(table, wants([2, 3, 4, 5]));
  assert.equal(acquire(table, wants([2, 3, 4, 5])).cached, 3);
});

test('a few shared tokens are no reason to overwrite another conversation', () => {
  const table = new SlotTable(2, 16);
  const first = use(table, wants([2, 3, 4, 5, 6, 7, 8, 9]));
  const second = use(table, wants([2, 13, 14, 15, 16, 17, 18, 19]));
  assert.notEqual(second.slot, first.slot);
  assert.equal(acquire(table, wants([2, 3, 4, 5, 6, 7, 8, 9, 10])).cached, 8);
});

test('without a match the slot that was used least recently goes, and what it shares is still used', () => {
  const table = new SlotTable(2, 16);
  const first = use(table, wants([2, 3, 4, 5, 6]));
  const second = use(table, wants([7, 8, 9, 10, 11]));
  use(table, wants([2, 3, 4, 5, 6]));
  const third = acquire(table, wants([7, 12, 13, 14, 15]));
  assert.deepEqual([third.slot, third.cached], [second.slot, 1]);
  third.release({ keep: true });
  assert.equal(acquire(table, wants([2, 3, 4, 5, 6])).slot, first.slot);
});

test('after a partly shared prompt, only what it left is held', () => {
  const table = new SlotTable(1, 16);
  use(table, wants([2, 3, 4, 5]));
  use(table, wants([2, 3, 9]));
  assert.equal(use(table, wants([2, 3, 4, 5])).cached, 2);
});

test('the same placeholders match only with the same image, from its first row on', () => {
  const prompt = [2, 0, 0, 3, 0, 5];
  const a = { digest: 'a', rows: 2 };
  const b = { digest: 'b', rows: 1 };
  const cachedAfter = (images: Parameters<typeof placeRows>[1]) => {
    const table = new SlotTable(1, 16);
    use(table, wants(prompt, '', [a, b]));
    return acquire(table, wants(prompt, '', images)).cached;
  };
  assert.equal(cachedAfter([a, b]), 5);
  assert.equal(cachedAfter([a, a]), 4);
  assert.equal(cachedAfter([{ digest: 'c', rows: 2 }, b]), 1);
  assert.equal(
    cachedAfter([
      { digest: 'a', rows: 1 },
      { digest: 'a', rows: 1 },
      { digest: 'b', rows: 1 },
    ]),
    2,
  );
});

test('a placeholder id without an image is not an image', () => {
  const table = new SlotTable(1, 16);
  use(table, wants([2, 0, 3], '', [{ digest: 'a', rows: 1 }]));
  assert.equal(acquire(table, { ids: Int32Array.of(2, 0, 3), rows: [], salt: '' }).cached, 1);
});

test('salts do not share, and a forgotten slot holds nothing', () => {
  const table = new SlotTable(1, 16);
  use(table, wants([2, 3, 4], 'one'));
  const other = acquire(table, wants([2, 3, 4], 'two'));
  assert.equal(other.cached, 0);
  other.append(Int32Array.of(2, 3, 4));
  other.release({ keep: false });
  assert.equal(acquire(table, wants([2, 3, 4], 'two')).cached, 0);
});

test('another slot that holds more of a prompt by now is told, in use or not, if that is worth a copy', () => {
  const table = new SlotTable(3, 64);
  const ids = Array.from({ length: 40 }, (_, i) => i + 2);
  const first = acquire(table, wants(ids));
  const second = acquire(table, wants([...ids.slice(0, 30), 99, 98]));
  const stranger = acquire(table, wants(ids, 'another salt'));
  first.append(Int32Array.from(ids.slice(0, 15)));
  assert.equal(second.richer(), undefined);
  first.append(Int32Array.from(ids.slice(15, 35)));
  assert.deepEqual(second.richer(), { slot: first.slot, length: 30 });
  assert.equal(stranger.richer(), undefined);
  first.release({ keep: true });
  assert.deepEqual(second.richer(), { slot: first.slot, length: 30 });
  second.append(Int32Array.from(ids.slice(0, 20)));
  assert.equal(second.richer(), undefined);
  second.release({ keep: true });
  assert.equal(second.richer(), undefined);
});

test('a copy, too, leaves the last token to be computed', () => {
  const table = new SlotTable(2, 64);
  const ids = Array.from({ length: 40 }, (_, i) => i + 2);
  const [first, second] = [acquire(table, wants(ids)), acquire(table, wants(ids))];
  first.append(Int32Array.from(ids));
  assert.equal(second.richer()?.length, 39);
});

test('a long beginning is copied in parts', () => {
  const table = new SlotTable(2, 1000);
  const ids = Array.from({ length: 600 }, (_, i) => i + 2);
  const [first, second] = [acquire(table, wants(ids)), acquire(table, wants(ids))];
  first.append(Int32Array.from(ids));
  const lengths: number[] = [];
  for (let part = second.richer(); part; part = second.richer()) {
    second.append(Int32Array.from(ids.slice(lengths.at(-1) ?? 0, part.length)));
    lengths.push(part.length);
  }
  assert.deepEqual(lengths, [256, 512, 599]);
});

test('releasing twice does not free a slot that somebody else has', () => {
  const table = new SlotTable(1, 16);
  const first = use(table, wants([2]));
  const second = acquire(table, wants([3]));
  first.release({ keep: false });
  assert.equal(table.free, 0);
  assert.equal(table.acquire(wants([4])), undefined);
  second.release({ keep: true });
  assert.equal(table.free, 1);
});

test('no slot is in use twice, and what is said to be cached is what was last written there', () => {
  const anyOperation = fc.record({
    ids: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 12 }),
    salt: fc.constantFrom('', 'other'),
    keep: fc.boolean(),
    releaseFirst: fc.nat({ max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(anyOperation, { maxLength: 60 }), (operations) => {
      const table = new SlotTable(3, 12);
      const written = new Map<number, { salt: string; ids: number[] }>();
      const held: SlotLease[] = [];
      for (const { ids, salt, keep, releaseFirst } of operations) {
        for (const lease of held.splice(0, releaseFirst)) {
          lease.release({ keep });
          if (!keep) written.delete(lease.slot);
        }
        const lease = table.acquire(wants(ids, salt));
        assert.equal(lease === undefined, held.length === 3);
        if (!lease) continue;
        assert.ok(!held.some(({ slot }) => slot === lease.slot));
        const before = written.get(lease.slot);
        assert.ok(lease.cached === 0 || before?.salt === salt);
        assert.deepEqual(before?.ids.slice(0, lease.cached) ?? [], ids.slice(0, lease.cached));
        assert.ok(lease.cached < ids.length);
        lease.append(Int32Array.from(ids.slice(lease.cached)));
        written.set(lease.slot, { salt, ids });
        held.push(lease);
      }
    }),
  );
});

test('sequences that run at once lie close together, and the conversations used last stay', () => {
  const table = new SlotTable(8, 16);
  const order = [4, 0, 6, 2, 7, 1, 5, 3];
  const first = order.map((_, i) => acquire(table, wants([i + 20, 3, 4])));
  for (const slot of order) first.find((lease) => lease.slot === slot)?.release({ keep: true });
  const slots = [0, 1, 2].map((i) => acquire(table, wants([i + 40, 3, 4])).slot);
  assert.deepEqual(slots, [4, 6, 7], 'of the older half: 4, 0, 6, 2, then 0, 6, 2 and 7');
});

test('however sequences come and go, a slot that was used lately outlives the half of those that are free', () => {
  const durations = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(durations, fc.integer({ min: 1, max: 6 }), (lasting, atOnce) => {
      const table = new SlotTable(8, 16);
      let released: number[] = [0, 1, 2, 3, 4, 5, 6, 7];
      let running: { lease: SlotLease; until: number }[] = [];
      for (const [now, duration] of lasting.entries()) {
        running = running.filter(({ lease, until }) => {
          if (until > now) return true;
          lease.release({ keep: true });
          released.push(lease.slot);
          return false;
        });
        if (running.length === atOnce) continue;
        const lease = acquire(table, wants([now + 20, 3, 4]));
        const rank = released.indexOf(lease.slot);
        assert.ok(rank >= 0 && rank < Math.ceil(released.length / 2), `${rank} of ${released.length}`);
        released = released.filter((slot) => slot !== lease.slot);
        running.push({ lease, until: now + duration });
      }
    }),
  );
});
