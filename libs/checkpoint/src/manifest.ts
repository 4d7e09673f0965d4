import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { systemCode } from './failures.ts';
import { hashFile } from './fingerprint.ts';

/** Name of the manifest in a compiled folder. */
export const MANIFEST_FILE = 'manifest.json';

/** A file of a compiled folder lies in it or in a folder below. */
const RelativePath = z
  .string()
  .regex(/^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/, 'expected a path within the folder');

const Manifest = z.object({
  fingerprint: z.string(),
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
export async function writeManifest(folder: string, origin: Omit<Manifest, 'files'>): Promise<void> {
  const files: Manifest['files'] = {};
  for (const file of (await listFiles(folder)).sort()) {
    const path = join(folder, file);
    files[file] = { bytes: (await stat(path)).size, sha256: await hashFile(path) };
  }
  const text = `${JSON.stringify({ ...origin, files }, undefined, 2)}\n`;
  await writeFile(join(folder, MANIFEST_FILE), text, { flush: true });
}

/**
 * Compares a folder with its manifest: every file must be there with the size and SHA-256 of the manifest.
 *
 * @returns Undefined where all is well, else a phrase that names the file and what is wrong with it.
 */
export async function findCorruption(folder: string): Promise<string | undefined> {
  try {
    const text = await readFile(join(folder, MANIFEST_FILE), 'utf8');
    return await findMismatch(folder, Manifest.parse(JSON.parse(text)));
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) return `${MANIFEST_FILE} is not a manifest`;
    return code === 'ENOENT' ? `${MANIFEST_FILE} is missing` : `a file cannot be read (${code})`;
  }
}

async function findMismatch(folder: string, { files }: Manifest): Promise<string | undefined> {
  // Sizes of all files first: they cost nothing and find most damage.
  for (const [file, { bytes }] of Object.entries(files)) {
    const size = await stat(join(folder, file)).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size === undefined) return `${file} is missing`;
    if (size !== bytes) return `${file} has ${size} bytes instead of ${bytes}`;
  }
  for (const [file, { sha256 }] of Object.entries(files)) {
    if ((await hashFile(join(folder, file))) !== sha256)
      return `${file} does not have the SHA-256 of its manifest`;
  }
  return undefined;
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}
