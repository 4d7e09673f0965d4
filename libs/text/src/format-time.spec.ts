import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from './format-time.ts';

const TIME = new Date(2024, 8, 5, 13, 4, 9);

test('formats as Python’s strftime does', () => {
  assert.equal(formatTime(TIME, '%Y-%m-%d %H:%M:%S'), '2024-09-05 13:04:09');
  assert.equal(
    formatTime(TIME, '%A, %a, %d %B %b %y, %I %p, %j, %e, 100%%'),
    'Thursday, Thu, 05 September Sep 24, 01 PM, 249,  5, 100%',
  );
  assert.equal(formatTime(TIME, '%-d/%-m'), '5/9');
});

test('leaves an unknown directive as it is', () => {
  assert.equal(formatTime(TIME, '%Q'), '%Q');
});
