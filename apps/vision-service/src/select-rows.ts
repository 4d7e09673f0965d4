import assert from 'node:assert/strict';
import type { TileGrid } from '@diptych/image';
import type { VisionDescription } from '@diptych/models';

/**
 * The rows of an image's tiles that become its features, as its model chooses them.
 *
 * @param rows shape [tiles x rowsPerTile, hidden]
 * @returns shape [rows of the prompt, hidden]: the argument itself where the model takes all rows as they are
 */
export function selectRows(
  rows: Float32Array<ArrayBuffer>,
  vision: Pick<VisionDescription, 'hiddenSize' | 'selectRows'>,
  grid: TileGrid,
): Float32Array<ArrayBuffer> {
  const chosen = vision.selectRows?.(grid);
  if (chosen === undefined) return rows;
  const { hiddenSize } = vision;
  const features = new Float32Array(chosen.length * hiddenSize);
  for (const [index, row] of chosen.entries()) {
    assert.ok(row >= 0 && (row + 1) * hiddenSize <= rows.length, `row ${row} is one of the tiles'`);
    features.set(rows.subarray(row * hiddenSize, (row + 1) * hiddenSize), index * hiddenSize);
  }
  return features;
}
