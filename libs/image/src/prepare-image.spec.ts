import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import fc from 'fast-check';
import sharp from 'sharp';
import { readGoldens } from './golden.ts';
import type { ImagePlan, ImagePlanner, ImageStep, ImageView, PreparedImage, Size } from './image-plan.ts';
import { prepareImage } from './prepare-image.ts';

const { decodes } = readGoldens();

const plain = { resample: 'lanczos3', rescale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const small = { width: 12, height: 12 };

/** Tiles of 12 pixels that hold the 8-bit values themselves: 24 x 12 becomes two of them. */
const plainPlan: ImagePlanner = (source) => ({
  ...plain,
  views: [{ steps: [], tile: small }],
  rows: source.height / 12,
  columns: source.width / 12,
  processed: source,
});

/** Everything to one tile, as models without splitting do. */
const oneTile: ImagePlanner = () => ({
  ...plain,
  views: [{ steps: [{ kind: 'resize', ...small }], tile: small }],
  rows: 0,
  columns: 0,
  processed: small,
});

function fileOf(name: string): Buffer {
  const golden = decodes.find((candidate) => candidate.name === name);
  assert.ok(golden, name);
  return Buffer.from(golden.file, 'base64');
}

/** Interleaved 8-bit RGB from tiles of `plainPlan`. */
function toPixels({ tiles, grid }: PreparedImage): Uint8Array {
  const { processedWidth: width, processedHeight: height } = grid;
  return Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [channel, x, y] = [index % 3, Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    const tile = tiles[Math.floor(y / 12) * Math.max(grid.columns, 1) + Math.floor(x / 12)];
    return tile?.pixels[(channel * 12 + (y % 12)) * 12 + (x % 12)] ?? Number.NaN;
  });
}

/** The values of the first pixel of the first tile. */
function firstPixel({ tiles: [tile] }: PreparedImage): (number | undefined)[] {
  const { pixels, width, height } = tile ?? assert.fail('no tile');
  return [0, 1, 2].map((channel) => pixels[channel * width * height]);
}

function pngOf({ width, height }: Size, background = '#3366cc'): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
}

async function refuses(
  bytes: Uint8Array,
  code: ErrorCode,
  message: RegExp,
  limits?: { maxBytes: number; maxPixels: number },
) {
  await assert.rejects(prepareImage(bytes, oneTile, limits), (error) => {
    assert.ok(error instanceof DiptychError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

describe('decoding', () => {
  for (const golden of decodes) {
    test(`gives the pixels of the reference: ${golden.name}`, async () => {
      const image = await prepareImage(Buffer.from(golden.file, 'base64'), plainPlan);
      assert.deepEqual([image.grid.sourceWidth, image.grid.sourceHeight], [golden.width, golden.height]);
      assert.deepEqual(Buffer.from(toPixels(image)), Buffer.from(golden.pixels, 'base64'));
    });
  }

  test('ignores a colour profile, as the reference does', async () => {
    const pixels = { width: 12, height: 12, channels: 3, background: '#ff0000' } as const;
    const png = await sharp({ create: pixels }).png().withIccProfile('p3').toBuffer();
    const raw = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
    assert.deepEqual(firstPixel(await prepareImage(png, plainPlan)), [raw[0], raw[1], raw[2]]);
    assert.notEqual(raw[0], 255, 'the profile makes a difference');
  });

  test('takes the upper 8 bits of a grey PNG of 16 bits', async () => {
    const grey = await sharp({ create: { width: 12, height: 12, channels: 3, background: '#808080' } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const { tiles } = await prepareImage(grey, plainPlan);
    assert.ok(tiles.every(({ pixels }) => pixels.every((value) => value === 0x80)));
  });
});

describe('cutting', () => {
  /** 4 x 2 pixels: red and green above each other left, blue and white right. */
  const pixels = Uint8Array.from(
    [
      [255, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
      [0, 0, 255],
      [0, 255, 0],
      [0, 255, 0],
      [255, 255, 255],
      [255, 255, 255],
    ].flat(),
  );
  const plan: ImagePlan = {
    views: [
      { steps: [{ kind: 'resize', width: 4, height: 4 }], tile: { width: 2, height: 2 } },
      { from: 0, steps: [{ kind: 'resize', width: 2, height: 2 }], tile: { width: 2, height: 2 } },
    ],
    rows: 2,
    columns: 2,
    processed: { width: 4, height: 4 },
    resample: 'bilinear',
    rescale: 1 / 255,
    mean: [0.5, 0.25, 0],
    std: [0.5, 0.25, 2],
  };

  test('cuts row by row, view after view, and normalises each channel', async () => {
    const png = await sharp(pixels, { raw: { width: 4, height: 2, channels: 3 } })
      .png()
      .toBuffer();
    const image = await prepareImage(png, () => plan);
    assert.equal(image.tiles.length, 5);
    assert.deepEqual(image.grid, {
      sourceWidth: 4,
      sourceHeight: 2,
      processedWidth: 4,
      processedHeight: 4,
      rows: 2,
      columns: 2,
    });
    const tile = (index: number) => [...(image.tiles[index]?.pixels ?? [])];
    // Two source rows become four, weighted 1, 3/4, 1/4, 0: the upper tiles hold the upper colour and 64 of the lower.
    const mixed = (main: number, other: number) => [
      main,
      main,
      (main * 191 + other * 64) / 255,
      (main * 191 + other * 64) / 255,
    ];
    const normalised = (values: number[], mean: number, std: number) =>
      values.map((value) => (value - mean) / std);
    const expected = [
      ...normalised(mixed(1, 0), 0.5, 0.5),
      ...normalised(mixed(0, 1), 0.25, 0.25),
      ...normalised(mixed(0, 0), 0, 2),
    ];
    tile(0).forEach((value, index) =>
      assert.ok(Math.abs(value - (expected[index] ?? Number.NaN)) < 1e-6, `tile 0, ${index}`),
    );
    assert.deepEqual(tile(3).slice(-2), [0.5, 0.5], 'the lower right tile ends in white');
    assert.deepEqual(tile(1).slice(0, 2), [-1, -1], 'the upper right tile begins without red');
    const global = tile(4);
    assert.ok((global[0] ?? 0) > (global[1] ?? 0), 'the global view is red at its left');
  });

  test('any views of any image give finite tiles of the sizes and number they promise', async () => {
    const edge = fc.integer({ min: 1, max: 60 });
    const view = fc.record({
      rows: fc.integer({ min: 1, max: 3 }),
      columns: fc.integer({ min: 1, max: 3 }),
      tile: fc.record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) }),
      fromSource: fc.boolean(),
    });
    const views = fc.array(view, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edge, edge, edge, views, async (width, height, between, looks) => {
        const planned = looks.map(({ rows, columns, tile, fromSource }, index): ImageView => {
          const last = { width: columns * tile.width, height: rows * tile.height };
          const steps: ImageStep[] = [
            { kind: 'resize', width: between, height: 1 },
            { kind: 'resize', ...last },
          ];
          return { ...(fromSource || index === 0 ? {} : { from: index - 1 }), steps, tile };
        });
        const image = await prepareImage(await pngOf({ width, height }), () => ({ ...plan, views: planned }));
        const expected = looks.flatMap(({ rows, columns, tile }) =>
          Array.from({ length: rows * columns }, () => [
            tile.width,
            tile.height,
            3 * tile.width * tile.height,
          ]),
        );
        assert.deepEqual(
          image.tiles.map((tile) => [tile.width, tile.height, tile.pixels.length]),
          expected,
        );
        assert.ok(image.tiles.every(({ pixels }) => pixels.every(Number.isFinite)));
      }),
      { numRuns: 40 },
    );
  });

  test('a view starts from the source or from what an earlier one ended with, and has tiles of its own size', async () => {
    const png = await sharp(pixels, { raw: { width: 4, height: 2, channels: 3 } })
      .png()
      .toBuffer();
    const views: readonly ImageView[] = [
      { steps: [{ kind: 'crop', left: 1, top: 0, width: 2, height: 2 }], tile: { width: 2, height: 1 } },
      {
        from: 0,
        steps: [{ kind: 'crop', left: 1, top: 1, width: 1, height: 1 }],
        tile: { width: 1, height: 1 },
      },
      { steps: [], tile: { width: 4, height: 2 } },
    ];
    const { tiles } = await prepareImage(png, () => ({ ...plainPlan({ width: 4, height: 2 }), views }));
    assert.deepEqual(
      tiles.map(({ width, height }) => [width, height]),
      [
        [2, 1],
        [2, 1],
        [1, 1],
        [4, 2],
      ],
    );
    assert.deepEqual([...(tiles[0]?.pixels ?? [])], [255, 0, 0, 0, 0, 255]);
    assert.deepEqual([...(tiles[1]?.pixels ?? [])], [0, 255, 255, 255, 0, 255]);
    assert.deepEqual([...(tiles[2]?.pixels ?? [])], [255, 255, 255], 'the crop of the crop is white');
    assert.deepEqual([...(tiles[3]?.pixels.subarray(0, 8) ?? [])], [255, 255, 0, 0, 0, 0, 255, 255]);
  });

  test('a view of a view that comes later is a fault of ours, and of this image alone', async () => {
    const views = [{ from: 0, steps: [], tile: { width: 12, height: 12 } }];
    const png = await pngOf({ width: 12, height: 12 });
    await assert.rejects(
      prepareImage(png, (source) => ({ ...plainPlan(source), views })),
      { code: 'internal' },
    );
  });

  test('plans that do not end at whole tiles fail alone, more of them than there are workers', async () => {
    const png = await pngOf({ width: 24, height: 12 });
    const broken: ImagePlanner = (source) => ({
      ...plainPlan(source),
      views: [{ steps: [], tile: { width: 7, height: 12 } }],
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => prepareImage(png, broken)));
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof DiptychError);
      assert.equal(outcome.reason.code, 'internal');
    }
    assert.equal((await prepareImage(png, plainPlan)).tiles.length, 2);
  });

  test('many images at once each get their own tiles', async () => {
    const shades = Array.from({ length: 24 }, (_, index) => index * 10);
    const images = await Promise.all(
      shades.map(async (shade) =>
        prepareImage(await pngOf({ width: 30, height: 20 }, `rgb(${shade},0,0)`), oneTile),
      ),
    );
    assert.deepEqual(
      images.map((image) => firstPixel(image)[0]),
      shades,
    );
  });
});

describe('edge sizes', () => {
  for (const [width, height] of [
    [1, 1],
    [1, 3],
    [3, 1],
    [20_000, 1],
    [1, 20_000],
    [52_800, 44],
  ] as const) {
    test(`${width} x ${height}`, async () => {
      const image = await prepareImage(await pngOf({ width, height }), oneTile);
      assert.deepEqual([image.grid.sourceWidth, image.grid.sourceHeight], [width, height]);
      assert.deepEqual(firstPixel(image), [0x33, 0x66, 0xcc]);
    });
  }
});

describe('what is refused', () => {
  test('nothing at all', () => refuses(new Uint8Array(0), 'image_not_decodable', /empty/));

  test('what is no image', async () => {
    await refuses(Buffer.from('What do we see?'), 'image_not_decodable', /not an image/);
    await refuses(
      Buffer.from('<!doctype html><title>Not found</title>'),
      'image_not_decodable',
      /not an image/,
    );
  });

  test('other formats, by name', async () => {
    const heads: Record<string, string> = {
      SVG: '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
      TIFF: 'II*\0\b\0\0\0',
      BMP: 'BM\x36\0\0\0\0\0\0\0',
      AVIF: '\0\0\0\x20ftypavif\0\0\0\0',
      HEIF: '\0\0\0\x18ftypheic\0\0\0\0',
      PDF: '%PDF-1.7\n',
      ICO: '\0\0\x01\0\x01\0',
      'JPEG XL': '\xff\x0a\0\0',
      'JPEG 2000': '\0\0\0\x0cjP  \r\n\x87\n',
      PSD: '8BPS\0\x01',
      PostScript: '%!PS-Adobe-3.0',
    };
    for (const [name, head] of Object.entries(heads)) {
      await refuses(
        Buffer.from(head, 'latin1'),
        'image_format_unsupported',
        new RegExp(`is ${name};.*JPEG, PNG, WebP or GIF`),
      );
    }
  });

  for (const name of ['JPEG', 'JPEG progressive', 'PNG RGB', 'WebP', 'WebP with alpha', 'GIF']) {
    test(`a ${name} file cut short anywhere, and the whole one works after it`, async () => {
      const file = fileOf(name);
      for (const share of [0.15, 0.5, 0.85]) {
        await refuses(
          file.subarray(0, Math.floor(file.length * share)),
          'image_not_decodable',
          /damaged or cut short|not an image/,
        );
      }
      assert.equal((await prepareImage(file, plainPlan)).tiles.length, 2);
    });
  }

  test('a PNG with a wrong checksum', async () => {
    const file = Buffer.from(fileOf('PNG RGB'));
    const at = file.indexOf('IDAT') + 40;
    file.writeUInt8(file.readUInt8(at) ^ 1, at);
    await refuses(file, 'image_not_decodable', /PNG image is damaged/);
  });

  test('too many bytes or pixels, with the numbers', async () => {
    const file = fileOf('PNG RGB');
    await refuses(file, 'image_too_large', new RegExp(`${file.length} bytes.*at most 100`), {
      maxBytes: 100,
      maxPixels: 1e6,
    });
    await refuses(file, 'image_too_large', /24 x 12, 288 pixels.*at most 287/, {
      maxBytes: 1e6,
      maxPixels: 287,
    });
    assert.equal(
      (await prepareImage(file, plainPlan, { maxBytes: file.length, maxPixels: 288 })).tiles.length,
      2,
    );
  });

  test('a small file that decodes to more than 16 megapixels, before it is decoded', async () => {
    const bomb = await pngOf({ width: 16_000, height: 1001 });
    await refuses(bomb, 'image_too_large', /16016000 pixels/);
  });

  test('a side longer than any JPEG has, however few its pixels', async () => {
    for (const [width, height] of [
      [70_000, 1],
      [1, 65_536],
    ] as const)
      await refuses(await pngOf({ width, height }), 'image_too_large', /at most 65535 pixels/);
    assert.equal((await prepareImage(await pngOf({ width: 65_535, height: 1 }), oneTile)).tiles.length, 1);
  });

  test('a shape of which the model would make gigabytes, before it is decoded', async () => {
    const line = await pngOf({ width: 65_535, height: 1 });
    const shortestEdge: ImagePlanner = (source) => ({
      ...oneTile(source),
      views: [
        {
          steps: [
            { kind: 'resize', width: source.width * 336, height: source.height * 336 },
            { kind: 'crop', left: 0, top: 0, width: 12, height: 12 },
          ],
          tile: small,
        },
      ],
    });
    await assert.rejects(prepareImage(line, shortestEdge), {
      code: 'image_too_large',
      message: /65535 x 1, .*makes 22019760 x 336 pixels; .*sides differ less/,
    });
    const rows: ImagePlanner = (source) => ({
      ...oneTile(source),
      views: [0, 1].map(() => ({ steps: [{ kind: 'resize', width: 8192, height: 4096 }], tile: small })),
    });
    await assert.rejects(prepareImage(line, rows), {
      code: 'image_too_large',
      message: /65535 x 1, .*makes tiles of 67108864 pixels/,
    });
  });

  test('random damage is an error or an image, never a crash', async () => {
    const damage = fc.record({ file: fc.constantFrom(...decodes), at: fc.nat(), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, at, value }) => {
        const bytes = Buffer.from(file.file, 'base64');
        bytes.writeUInt8(value, at % bytes.length);
        const outcome = await prepareImage(bytes, oneTile).catch((error: unknown) => error);
        const coded = outcome instanceof DiptychError && outcome.code.startsWith('image_');
        assert.ok(coded || (!(outcome instanceof Error) && typeof outcome === 'object'), String(outcome));
      }),
      { numRuns: 300 },
    );
  });
});
