/**
 * Bundles the library of the current folder into dist/ as an npm package: `index.mjs` with every workspace library, its
 * types, and a package.json that names what is installed beside it. `src/api.ts` holds the types and imports nothing.
 * Arguments: the folder to write (where it begins with --out=), and further entry points, such as worker threads.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { findPackageJSON, isBuiltin } from 'node:module';
import { join } from 'node:path';
import { CATALOGUE } from '@diptych/errors';
import type { Metafile } from 'esbuild';
import { flattenDiagnosticMessageText, transpileDeclaration } from 'typescript';
import { bundle } from './bundle.ts';

const OUT = '--out=';
const out = process.argv.find((argument) => argument.startsWith(OUT))?.slice(OUT.length) ?? 'dist';
const workers = process.argv.slice(2).filter((argument) => !argument.startsWith(OUT));

/** Found by its folder instead of imported: its shared library is what we call. */
const FOUND = ['onnxruntime-node'];

const { metafile } = await bundle(['src/index.ts', ...workers], out);
const { name, version, description, license } = await readJson('package.json');
const manifest = {
  ...{ name, version, description, license, type: 'module' },
  exports: { '.': { types: './index.d.ts', default: './index.mjs' } },
  engines: { node: '>=24.0' },
  dependencies: await dependenciesOf(metafile),
};
await writeFile(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(join(out, 'api.d.ts'), declarationsOf(await readFile('src/api.ts', 'utf8')));
await writeFile(join(out, 'index.d.ts'), index());

async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
}

/** The packages that the bundle imports, in the versions that it was built with. */
async function dependenciesOf({ outputs }: Metafile): Promise<Readonly<Record<string, string>>> {
  const imported = Object.values(outputs).flatMap(({ imports }) => imports);
  const external = imported.filter((one) => one.external).map(({ path }) => path);
  const packages = [...new Set([...external, ...FOUND])].filter((path) => !isBuiltin(path)).sort();
  const versions = packages.map(async (path) => [path, `^${await versionOf(path)}`] as const);
  return Object.fromEntries(await Promise.all(versions));
}

async function versionOf(path: string): Promise<string> {
  const file = findPackageJSON(path, import.meta.url);
  if (file === undefined) throw new Error(`${path} is not installed`);
  return String((await readJson(file))['version']);
}

function declarationsOf(source: string): string {
  const { outputText, diagnostics = [] } = transpileDeclaration(source, { reportDiagnostics: true });
  const [problem] = diagnostics;
  if (problem) throw new Error(`src/api.ts: ${flattenDiagnosticMessageText(problem.messageText, ' ')}`);
  return outputText;
}

function index(): string {
  const codes = Object.keys(CATALOGUE).map((code) => `'${code}'`);
  return `import type { EmbeddedModel, OpenOptions } from './api.js';

export type * from './api.js';

/** Opens a model in this process. The caller owns the result and closes it. */
export declare function openModel(options: OpenOptions): Promise<EmbeddedModel>;

/** What can go wrong, by its code. */
export type ErrorCode = ${codes.join(' | ')};

/** A failure with a code. */
export declare class DiptychError extends Error {
  readonly name: 'DiptychError';
  readonly code: ErrorCode;
  /** The field or option at fault. */
  readonly param: string | undefined;
  /** Milliseconds after which a retry may succeed. */
  readonly retryAfterMs: number | undefined;
}
`;
}
