import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readGoldens } from './golden.ts';
import type { ImageStep } from './image-plan.ts';
import { applyStep } from './image-steps.ts';
import type { RgbImage } from './resample.ts';

const through = (image: RgbImage, steps: readonly ImageStep[]) =>
  steps.reduce((from, step) => applyStep(from, step, 'bicubic'), image);

/** Every pixel tells where it stands. */
function chart(width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return [pixel % width, Math.floor(pixel / width), 200][index % 3] ?? 0;
  });
  return { width, height, data };
}

describe('steps give the very pixels of Pillow', () => {
  for (const { steps, result, pixels, width, height } of readGoldens().steps) {
    const name = steps.map((step) => `${step.kind} ${step.width} x ${step.height}`).join(', ');
    test(name, () => {
      const source = { width, height, data: Uint8Array.from(Buffer.from(pixels, 'base64')) };
      const image = through(source, steps);
      assert.deepEqual([image.width, image.height], [result.width, result.height]);
      assert.deepEqual(Buffer.from(image.data), Buffer.from(result.pixels, 'base64'));
    });
  }
});

test('what was padded can be cropped out again, unchanged, wherever it was put', () => {
  const side = fc.integer({ min: 1, max: 20 });
  const margins = fc.record({ left: fc.nat(9), top: fc.nat(9), right: fc.nat(9), bottom: fc.nat(9) });
  const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
  const property = fc.property(
    side,
    side,
    margins,
    colour,
    (width, height, { left, top, right, bottom }, rgb) => {
      const image = chart(width, height);
      const canvas = { width: left + width + right, height: top + height + bottom };
      const padded = through(image, [{ kind: 'pad', left, top, ...canvas, colour: rgb }]);
      assert.deepEqual(through(padded, [{ kind: 'crop', left, top, width, height }]), image);
      const [x, y] = [canvas.width - 1, canvas.height - 1];
      const corner = padded.data.subarray((y * canvas.width + x) * 3);
      if (right > 0 || bottom > 0) assert.deepEqual([...corner], rgb);
    },
  );
  fc.assert(property);
});

test('steps never write into the image that they start from', () => {
  const image = chart(4, 4);
  const before = image.data.slice();
  through(image, [{ kind: 'pad', left: 1, top: 1, width: 6, height: 6, colour: [9, 9, 9] }]);
  through(image, [{ kind: 'crop', left: 1, top: 1, width: 2, height: 2 }]);
  assert.deepEqual(image.data, before);
});

describe('a family that plans outside the image is stopped', () => {
  const outside: readonly ImageStep[] = [
    { kind: 'crop', left: 1, top: 0, width: 4, height: 4 },
    { kind: 'crop', left: -1, top: 0, width: 4, height: 4 },
    { kind: 'crop', left: 0, top: 0.5, width: 4, height: 2 },
    { kind: 'crop', left: 0, top: 0, width: 0, height: 4 },
    { kind: 'pad', left: 1, top: 0, width: 4, height: 4, colour: [0, 0, 0] },
    { kind: 'pad', left: 0, top: 0, width: 3, height: 9, colour: [0, 0, 0] },
  ];
  for (const step of outside) {
    test(JSON.stringify(step), () => {
      assert.throws(() => through(chart(4, 4), [step]), assert.AssertionError);
    });
  }
});
