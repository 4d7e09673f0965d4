/**
 * Bundles the app of the current folder into dist/: its entry with every workspace library, for images that carry
 * no sources. Packages with native parts, and those that read their own files, stay outside and are installed
 * beside it. Arguments are further entry points, such as worker threads, which are found beside the bundle.
 */
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

const OUTSIDE = [
  ...['koffi', 'onnxruntime-node', 'sharp'],
  ...['@grpc/grpc-js', '@grpc/reflection', 'grpc-health-check'],
];

/** CommonJS packages in an ES module bundle still call `require` for Node's own modules. */
const REQUIRE_FOR_COMMONJS =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['bin.js', ...process.argv.slice(2)],
  entryNames: '[name]',
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: true,
  external: OUTSIDE,
  banner: { js: REQUIRE_FOR_COMMONJS },
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
});
execFileSync(process.execPath, ['dist/bin.mjs', '--help'], { stdio: ['ignore', 'ignore', 'inherit'] });
