import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { systemCode } from './failures.ts';
import type { FileHashes } from './file-hashes.ts';

/** Name of the manifest in a compiled folder. */
export const MANIFEST_FILE = 'manifest.json';

/** A file of a compiled folder lies in it or in a folder below. */
const RelativePath = z
  .string()
  .regex(/^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/, 'expected a path within the folder');

const Manifest = z.object({
  fingerprint: z.string(),
  stage: z.string(),
  weights: z.string(),
  compilerVersion: z.number(),
  files: z.record(
    RelativePath,
    z.object({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});

/** What a folder was compiled from, and size and SHA-256 of each file by its path within the folder. */
export type Manifest = z.infer<typeof Manifest>;

/** Writes the manifest of a folder, from the files that are in it. */
export async function writeManifest(
  folder: string,
  origin: Omit<Manifest, 'files'>,
  hashes: FileHashes,
): Promise<void> {
  const names = (await listFiles(folder)).sort();
  const paths = names.map((file) => join(folder, file));
  const sums = await hashes.sums(paths, 'reading what was compiled');
  const files: Manifest['files'] = {};
  for (const [index, file] of names.entries())
    files[file] = { bytes: (await stat(join(folder, file))).size, sha256: sums[index] ?? '' };
  const text = `${JSON.stringify({ ...origin, files }, undefined, 2)}\n`;
  await writeFile(join(folder, MANIFEST_FILE), text, { flush: true });
}

/** Names of the files that a manifest lists. Throws where there is no manifest. */
export async function listedFiles(folder: string): Promise<readonly string[]> {
  return Object.keys((await readManifest(folder)).files);
}

/**
 * Compares a folder with its manifest: every file must be there with the size and SHA-256 of the manifest.
 *
 * @returns Undefined where all is well, else a phrase that names the file and what is wrong with it.
 */
export async function findCorruption(folder: string, hashes: FileHashes): Promise<string | undefined> {
  try {
    return await findMismatch(folder, await readManifest(folder), hashes);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) return `${MANIFEST_FILE} is not a manifest`;
    return code === 'ENOENT' ? `${MANIFEST_FILE} is missing` : `a file cannot be read (${code})`;
  }
}

async function readManifest(folder: string): Promise<Manifest> {
  return Manifest.parse(JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')));
}

async function findMismatch(
  folder: string,
  { files }: Manifest,
  hashes: FileHashes,
): Promise<string | undefined> {
  // Sizes of all files first: they cost nothing and find most damage.
  for (const [file, { bytes }] of Object.entries(files)) {
    const size = await stat(join(folder, file)).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size === undefined) return `${file} is missing`;
    if (size !== bytes) return `${file} has ${size} bytes instead of ${bytes}`;
  }
  const paths = Object.keys(files).map((file) => join(folder, file));
  const sums = await hashes.sums(paths, 'checking what was compiled');
  const wrong = Object.entries(files).find(([, { sha256 }], index) => sums[index] !== sha256);
  return wrong && `${wrong[0]} does not have the SHA-256 of its manifest`;
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}
