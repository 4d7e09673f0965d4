import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from './diptych-error.ts';
import { reasonOf } from './reason-of.ts';

test('the reason of a signal is thrown on as it is, and one that is no error becomes `cancelled`', () => {
  const reason = new Error('gone');
  assert.equal(reasonOf(AbortSignal.abort(reason)), reason);
  const error = reasonOf(AbortSignal.abort('gone'));
  assert.ok(error instanceof DiptychError);
  assert.deepEqual([error.code, error.cause], ['cancelled', 'gone']);
});
