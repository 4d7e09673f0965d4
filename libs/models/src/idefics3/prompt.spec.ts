import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageLayout } from '@diptych/image';
import { expandIdefics3Image } from './prompt.ts';

function layout(rows: number, columns: number, tileTokens: readonly number[]): ImageLayout {
  const sizes = { sourceWidth: 9, sourceHeight: 9, processedWidth: 9, processedHeight: 9 };
  return { ...sizes, rows, columns, tileTokens };
}

test('a whole image is its placeholders between two marks', () => {
  assert.equal(
    expandIdefics3Image(layout(0, 0, [2])),
    '<fake_token_around_image><global-img><image><image><fake_token_around_image>',
  );
});

test('a split image has a line for each row of tiles, then the whole', () => {
  assert.equal(
    expandIdefics3Image(layout(2, 2, [1, 1, 1, 1, 1])),
    '<fake_token_around_image><row_1_col_1><image><fake_token_around_image><row_1_col_2><image>\n' +
      '<fake_token_around_image><row_2_col_1><image><fake_token_around_image><row_2_col_2><image>\n' +
      '\n<fake_token_around_image><global-img><image><fake_token_around_image>',
  );
});

test('refuses a layout whose tiles are not its rows times columns and one', () => {
  for (const wrong of [layout(2, 2, [1, 1, 1, 1]), layout(0, 0, []), layout(1, 0, [1, 1])]) {
    assert.throws(() => expandIdefics3Image(wrong), {
      code: 'embedding_invalid',
      param: 'layout.tile_tokens',
    });
  }
});
