import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import { availableMemory, filePages } from './available-memory.ts';

test('pages of files that a container could drop count as free', () => {
  assert.equal(filePages('anon 5000\nfile 900\ninactive_file 300\nactive_file 200\nslab 7\n'), 500);
});

test('in an older container, those of its children too', () => {
  const stat = 'inactive_file 1\nactive_file 2\ntotal_inactive_file 300\ntotal_active_file 200\n';
  assert.equal(filePages(stat), 500);
});

test('where nothing is told, nothing is added', () => {
  assert.equal(filePages(''), 0);
});

test('this process may take some memory, and no more than there is', async () => {
  const bytes = await availableMemory();
  assert.ok(bytes > 0 && bytes <= totalmem(), String(bytes));
});
