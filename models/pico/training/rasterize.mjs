// Rasterises every pictogram of concepts.json once: `node rasterize.mjs concepts.json glyphs.bin [side]`.
// Writes raw straight-alpha RGBA squares of `side` pixels, and glyphs.bin.json naming each in order.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import sharp from 'sharp';

const require = createRequire(import.meta.url);

const [conceptsPath, outPath, sideText = '144'] = process.argv.slice(2);
const side = Number(sideText);
if (!outPath) throw new Error('usage: node rasterize.mjs <concepts.json> <glyphs.bin> [side]');

const sets = new Map();
const concepts = JSON.parse(readFileSync(conceptsPath, 'utf8'));
const glyphs = [];
const index = [];
for (const { name, icons } of concepts) {
  for (const [style, iconNames] of Object.entries(icons)) {
    for (const icon of iconNames) {
      glyphs.push(await rasterize(style, icon));
      index.push({ concept: name, style, icon });
    }
  }
}
writeFileSync(outPath, Buffer.concat(glyphs));
writeFileSync(`${outPath}.json`, JSON.stringify({ side, glyphs: index }));

/** Draws one icon, centred and fitted to the square by its own outline rather than its view box. */
async function rasterize(style, icon) {
  const set = loadSet(style);
  const { body, left, top, width, height } = resolveIcon(set, icon);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
    `width="${2 * side}" height="${2 * side}" viewBox="${left} ${top} ${width} ${height}">${body}</svg>`;
  const drawn = await sharp(Buffer.from(svg)).ensureAlpha().png().toBuffer();
  return sharp(drawn)
    .trim({ background: { r: 0, g: 0, b: 0, alpha: 0 }, threshold: 8 })
    .resize(side, side, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
    .raw()
    .toBuffer();
}

function loadSet(style) {
  if (!sets.has(style)) sets.set(style, require(`@iconify-json/${style}/icons.json`));
  return sets.get(style);
}

/** Follows an alias to its icon and fills in the set's default view box. */
function resolveIcon(set, name) {
  const alias = set.aliases?.[name];
  const icon = set.icons[alias?.parent ?? name];
  if (!icon) throw new Error(`${set.prefix} has no icon ${name}`);
  return { left: 0, top: 0, width: set.width ?? 16, height: set.height ?? 16, ...icon };
}
