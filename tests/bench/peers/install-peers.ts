import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPeers, peerFolders } from './peer-folders.ts';

const PYTHON_REQUIREMENTS = fileURLToPath(new URL('./transformers/requirements.txt', import.meta.url));
const NODE_REQUIREMENTS = fileURLToPath(new URL('./transformersjs/requirements.json', import.meta.url));

/** Installs those peers that are not there yet, from the package indexes of Python and Node. */
export async function installPeers(home: string): Promise<void> {
  const folders = peerFolders(home);
  const missing = missingPeers(folders);
  if (missing.transformers) await installTransformers(folders.python);
  if (missing.transformersjs) await installTransformersJs(folders.transformersjs);
}

async function installTransformers(folder: string): Promise<void> {
  await run('python3', ['-m', 'venv', folder]);
  await run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--requirement', PYTHON_REQUIREMENTS]);
}

async function installTransformersJs(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile(NODE_REQUIREMENTS, join(folder, 'package.json'));
  // The install script of onnxruntime-node downloads CUDA libraries, which are not measured.
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], folder);
}

async function run(command: string, args: readonly string[], cwd = process.cwd()): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', process.stderr, process.stderr] });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${String(code)}`);
}
