/**
 * Bundles the app of the current folder into dist/: its entry with every workspace library, for images that carry
 * no sources. Arguments are further entry points, such as worker threads, which are found beside the bundle.
 */
import { execFileSync } from 'node:child_process';
import { bundle } from './bundle.ts';

await bundle(['bin.js', ...process.argv.slice(2)], 'dist');
execFileSync(process.execPath, ['dist/bin.mjs', '--help'], { stdio: ['ignore', 'ignore', 'inherit'] });
