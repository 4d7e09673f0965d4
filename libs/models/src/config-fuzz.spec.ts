import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { describeModel } from './load-model.ts';

const GOLDEN = join(import.meta.dirname, '../../../tests/golden/fixtures');

const CONFIG_FILES = [
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
];

/** Every field of a family's files is struck a few times with this many changes. */
const RUNS = 200;

const names = await readdir(GOLDEN, { withFileTypes: true });
const checkpoints = await Promise.all(
  names.filter((entry) => entry.isDirectory() && entry.name !== 'images').map(({ name }) => readFiles(name)),
);

for (const { name, folder, files } of checkpoints) {
  test(`${name}: whatever one field of a configuration holds, the answer is a model or one error that names the file`, async () => {
    const copy = await mkdtemp(join(tmpdir(), 'diptych-fuzz-'));
    await cp(folder, copy, { recursive: true });
    const change = fc
      .constantFrom(...files.flatMap(changesOf))
      .chain((place) => fc.record({ place: fc.constant(place), value: VALUES }));
    await fc.assert(
      fc.asyncProperty(change, async ({ place, value }) => {
        const path = join(copy, place.file);
        await writeFile(path, JSON.stringify(replaced(place.content, place.path, value)));
        await check(copy, place);
        await writeFile(path, JSON.stringify(place.content));
      }),
      { numRuns: RUNS },
    );
    await rm(copy, { recursive: true });
  });
}

interface JsonFile {
  readonly file: string;
  readonly content: unknown;
}

interface Place extends JsonFile {
  readonly path: readonly string[];
}

/** What a field may hold by mistake or malice: other types, zero, negative, fractional and enormous numbers. */
const VALUES = fc.oneof(
  fc.constantFrom(null, true, '', 'x', '__proto__', [], {}, 0, -1, 0.5, 1e-300, 2 ** 31, 2 ** 53, 1e308),
  fc.nat(100_000),
  fc.jsonValue({ maxDepth: 2 }),
);

/** A configuration is refused by name; one that is taken may still refuse an image. */
async function check(folder: string, { file, path }: Place): Promise<void> {
  const where = `${file}: ${path.join('.')}`;
  const checkpoint = await openCheckpoint(folder);
  const described = await describeModel(checkpoint).catch((error: unknown) => {
    assertCoded(error, where);
    assert.match(error.message, /\.json/, where);
    return undefined;
  });
  try {
    described?.vision.planImage({ width: 640, height: 427 });
  } catch (error) {
    assertCoded(error, where);
  }
}

function assertCoded(error: unknown, where: string): asserts error is DiptychError {
  assert.ok(error instanceof DiptychError && error.code !== 'internal', `${where}: ${String(error)}`);
}

async function readFiles(name: string) {
  const folder = join(GOLDEN, name, 'checkpoint');
  const present = (await readdir(folder)).filter((file) => CONFIG_FILES.includes(file));
  const files = await Promise.all(
    present.map(async (file) => ({
      file,
      content: JSON.parse(await readFile(join(folder, file), 'utf8')) as unknown,
    })),
  );
  return { name, folder, files };
}

/** Every place of a file, the file as a whole among them. */
function changesOf({ file, content }: JsonFile): Place[] {
  const places = (value: unknown, path: readonly string[]): Place[] => [
    { file, content, path },
    ...(isRecord(value)
      ? Object.entries(value).flatMap(([key, inner]) => places(inner, [...path, key]))
      : []),
  ];
  return places(content, []);
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const entries = isRecord(value) ? value : {};
  return { ...entries, [key]: replaced(entries[key], rest, by) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
