import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectRows } from './select-rows.ts';

const grid = {
  sourceWidth: 4,
  sourceHeight: 2,
  processedWidth: 4,
  processedHeight: 4,
  rows: 1,
  columns: 2,
};
const rows = Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5);

test('rows are left out, put elsewhere and taken more than once, as the model says', () => {
  const vision = { hiddenSize: 2, selectRows: () => Int32Array.of(3, 0, 3, 2) };
  assert.deepEqual([...selectRows(rows, vision, grid)], [3, 3.5, 0, 0.5, 3, 3.5, 2, 2.5]);
});

test('a model that says nothing takes all rows as they are, without a copy', () => {
  assert.equal(selectRows(rows, { hiddenSize: 2 }, grid), rows);
});

test('rows that the tiles do not have are a fault of ours, never silent zeros', () => {
  for (const row of [-1, 4]) {
    const vision = { hiddenSize: 2, selectRows: () => Int32Array.of(0, row) };
    assert.throws(() => selectRows(rows, vision, grid), assert.AssertionError);
  }
});
