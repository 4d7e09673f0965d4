import type { TileLayout } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { VisionDescription } from '@diptych/models';

/** The layout's own fields, without the message around them. */
export type WireLayout = Pick<
  TileLayout,
  'sourceWidth' | 'sourceHeight' | 'processedWidth' | 'processedHeight' | 'rows' | 'columns' | 'tileTokens'
>;

/** The longest side of an image that a vision-service takes: the longest that JPEG and GIF can say. */
const MAX_SIDE = 65_535;

/** What of a model decides how an image is cut and how many tokens it has. */
export type LayoutRules = Pick<VisionDescription, 'planImage' | 'countTokens'>;

/**
 * Holds a layout against the model: it is one that the model makes of an image of this size, split or not, and each
 * tile has exactly the tokens that the model gives it. Costs the same whatever the numbers are.
 *
 * @throws DiptychError `embedding_invalid` naming the field
 */
export function checkLayout(layout: WireLayout, vision: LayoutRules, path: string): void {
  checkSide(layout.sourceWidth, `${path}.source_width`);
  checkSide(layout.sourceHeight, `${path}.source_height`);
  checkGrid(layout, vision, path);
  checkTokens(layout.tileTokens, vision.countTokens(layout), `${path}.tile_tokens`);
}

function checkSide(side: number, param: string): void {
  if (side < 1 || side > MAX_SIDE) throw invalid(param, `must be 1 to ${MAX_SIDE} pixels, got ${side}`);
}

type Cut = Pick<WireLayout, 'rows' | 'columns' | 'processedWidth' | 'processedHeight'>;

const CUT_FIELDS: readonly (readonly [field: keyof Cut, name: string])[] = [
  ['rows', 'rows'],
  ['columns', 'columns'],
  ['processedWidth', 'processed_width'],
  ['processedHeight', 'processed_height'],
];

function checkGrid(layout: WireLayout, vision: LayoutRules, path: string): void {
  let cuts = cutsOf(layout, vision, path);
  for (const [field, name] of CUT_FIELDS) {
    const alike = cuts.filter((cut) => cut[field] === layout[field]);
    if (alike.length === 0) {
      const source = `${layout.sourceWidth} x ${layout.sourceHeight}`;
      const expected = [...new Set(cuts.map((cut) => cut[field]))].join(' or ');
      throw invalid(`${path}.${name}`, `must be ${expected} for an image of ${source}, got ${layout[field]}`);
    }
    cuts = alike;
  }
}

/** What the model makes of the source, split and not. */
function cutsOf({ sourceWidth, sourceHeight }: WireLayout, vision: LayoutRules, path: string): Cut[] {
  try {
    const source = { width: sourceWidth, height: sourceHeight };
    return [true, false].map((split) => {
      const { rows, columns, processed } = vision.planImage(source, { split });
      return { rows, columns, processedWidth: processed.width, processedHeight: processed.height };
    });
  } catch (error) {
    const param = `${path}.source_width`;
    if (!(error instanceof DiptychError)) throw error;
    throw invalid(
      param,
      `and source_height are no image of this model, got ${sourceWidth} x ${sourceHeight}`,
    );
  }
}

function checkTokens(got: readonly number[], expected: readonly number[], param: string): void {
  if (got.length !== expected.length)
    throw invalid(param, `must have ${expected.length} entries, one for each tile, got ${got.length}`);
  const wrong = got.findIndex((tokens, tile) => tokens !== expected[tile]);
  if (wrong < 0) return;
  throw invalid(param, `must be ${expected[wrong]} for tile ${wrong} of this model, got ${got[wrong]}`);
}

function invalid(param: string, problem: string): DiptychError {
  return new DiptychError('embedding_invalid', `${param} ${problem}.`, { param });
}
