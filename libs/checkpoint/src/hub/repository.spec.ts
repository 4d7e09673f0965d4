import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseReference } from '../index.ts';

suite('a repository’s name', () => {
  test('is organisation and name, with or without a revision', () => {
    assert.deepEqual(parseReference('HuggingFaceM4/idefics2-8b'), {
      id: 'HuggingFaceM4/idefics2-8b',
      revision: 'main',
    });
    assert.deepEqual(parseReference('org/a.b_c@v1.0'), { id: 'org/a.b_c', revision: 'v1.0' });
    assert.deepEqual(parseReference('org/name@refs/pr/3'), { id: 'org/name', revision: 'refs/pr/3' });
  });

  test('is nothing else', () => {
    for (const text of [
      '',
      'name',
      'a/b/c',
      'org/',
      '/name',
      './name',
      '../name',
      'org/..',
      'org/a..b',
      'org/a--b',
    ])
      assert.equal(parseReference(text), undefined, text);
    for (const text of [
      'org/name.git',
      'org/name ',
      'org/näme',
      'org\\name',
      'org/name@',
      'org/name@../../x',
    ])
      assert.equal(parseReference(text), undefined, text);
    for (const text of ['org/name@/x', 'org/name@a//b', 'org/name@a\\b', 'org/name@.', 'org/name@a/./b'])
      assert.equal(parseReference(text), undefined, text);
    assert.equal(parseReference(`org/${'x'.repeat(97)}`), undefined);
  });
});
