/**
 * Bundles the app of the current folder into dist/: its entry and every workspace library in one file, for images
 * that carry no sources. Packages with native parts stay outside and are installed beside it.
 */
import { build } from 'esbuild';

const NATIVE_PACKAGES = ['koffi', 'onnxruntime-node', 'sharp'];

/** CommonJS packages in an ES module bundle still call `require` for Node's own modules. */
const REQUIRE_FOR_COMMONJS =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** The entry, and beside it the worker thread of @diptych/image, which is found by its file. */
const ENTRY_POINTS = { bin: 'bin.js', 'resample-worker': '../../libs/image/src/resample-worker.ts' };

await build({
  entryPoints: ENTRY_POINTS,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: true,
  external: NATIVE_PACKAGES,
  banner: { js: REQUIRE_FOR_COMMONJS },
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
});
