import { rm } from 'node:fs/promises';
import { type BuildResult, build } from 'esbuild';

/** Packages with native parts, and those that read their own files: installed beside a bundle. */
const OUTSIDE = [
  ...['koffi', 'onnxruntime-node', 'sharp'],
  ...['@grpc/grpc-js', '@grpc/reflection', 'grpc-health-check'],
];

/** CommonJS packages in an ES module bundle still call `require` for Node's own modules. */
const REQUIRE_FOR_COMMONJS =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** Writes the entry points with every workspace library into a folder, which is emptied first. */
export async function bundle(
  entryPoints: readonly string[],
  outdir: string,
): Promise<BuildResult<{ metafile: true }>> {
  await rm(outdir, { recursive: true, force: true });
  return await build({
    entryPoints: [...entryPoints],
    entryNames: '[name]',
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: true,
    metafile: true,
    external: OUTSIDE,
    banner: { js: REQUIRE_FOR_COMMONJS },
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
}
