import { access, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DiptychError } from '@diptych/errors';
import type { Checkpoint } from './checkpoint.ts';
import { systemCode } from './failures.ts';
import { FileHashes } from './file-hashes.ts';
import { findCorruption, listedFiles, writeManifest } from './manifest.ts';
import { ProcessLock } from './process-lock.ts';

/** What is compiled, by whom, and where the result is kept. */
export interface CompiledFolderOptions {
  /** Diptych's home; see `defaultHome`. */
  readonly home: string;
  readonly checkpoint: Pick<Checkpoint, 'id'>;
  /** The checkpoint's own. */
  readonly fingerprint: string;
  /** What of the checkpoint is compiled: `vision`, `language`. */
  readonly stage: string;
  /** Format of the weights in the result. */
  readonly weights: string;
  /** Changes whenever the compiler would write something else for the same checkpoint. */
  readonly compilerVersion: number;
  /** Writes the compiled stage into a folder, which is empty or has what an interrupted call left there. */
  readonly compile: (folder: string) => Promise<void>;
  /** Told what takes long, and what was found to be wrong. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/**
 * The folder of a compiled stage, compiled first where it is not in the cache yet or is damaged there.
 *
 * A folder appears under its final name only when it is complete, and every file is compared with the SHA-256 of
 * the manifest each time; see `FileHashes` for large ones. Of several processes that ask at the same time one compiles
 * and the others wait. What one that was killed has written is handed to the next, and counts for nothing else.
 *
 * @throws DiptychError `configuration_invalid` where the home cannot be written; whatever `compile` throws.
 */
export async function compiledFolder(options: CompiledFolderOptions): Promise<string> {
  const { home, onProgress } = options;
  const folder = folderOf(options);
  const hashes = new FileHashes({ home, onProgress });
  if ((await inspect(folder, hashes)) === 'whole') return folder;
  try {
    await mkdir(dirname(folder), { recursive: true });
    await compileSafely(folder, { ...options, hashes });
  } catch (error) {
    throw homeError(home, error);
  }
  return folder;
}

/**
 * Whether the cache holds a compiled stage, as far as names tell: files are compared when it is loaded.
 */
export function isCompiled(
  options: Pick<CompiledFolderOptions, 'home' | 'fingerprint' | 'stage' | 'weights' | 'compilerVersion'>,
): Promise<boolean> {
  return isPresent(folderOf(options));
}

function folderOf({
  home,
  fingerprint,
  stage,
  weights,
  compilerVersion,
}: Parameters<typeof isCompiled>[0]): string {
  return join(home, 'compiled', `${fingerprint}-${stage}-${weights}-v${compilerVersion}`);
}

type Task = CompiledFolderOptions & { readonly hashes: FileHashes };

/** Once more where the folder that was being written vanished: somebody took this process for dead, or tidied up. */
async function compileSafely(folder: string, task: Task): Promise<void> {
  try {
    await compileOnce(folder, task);
  } catch (error) {
    if (!(error instanceof FolderVanished)) throw error;
    task.onProgress?.(`${error.message}; compiling again.`);
    await compileOnce(folder, task);
  }
}

class FolderVanished extends Error {}

async function compileOnce(folder: string, task: Task): Promise<void> {
  await using lock = await ProcessLock.acquire(`${folder}.lock`, {
    onWait: ({ pid, host }) =>
      task.onProgress?.(`Waiting for process ${pid} on ${host}, which compiles ${task.checkpoint.id}.`),
    onDead: ({ token }) => leaveToNext(folder, partialFolder(folder, token)),
  });
  const state = await inspect(folder, task.hashes);
  if (state === 'whole') return;
  await removeOldRemains(folder);
  if (state !== 'absent') task.onProgress?.(`${folder} is damaged (${state.problem}); compiling it again.`);
  const partial = partialFolder(folder, lock.owner.token);
  try {
    await makePartial(folder, partial, task);
    await compileInto(partial, task);
    await replaceFolder(partial, folder, task.hashes);
    await rememberMoved(partial, folder, task.hashes);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || (await isPresent(partial))) throw error;
    throw new FolderVanished(`${partial} vanished while it was being written`, { cause: error });
  } finally {
    await removeRemains(partial);
  }
}

/** Begins an empty folder, or takes over the one that a killed process has left. */
async function makePartial(
  folder: string,
  partial: string,
  { checkpoint, stage, onProgress }: Task,
): Promise<void> {
  const what = `Compiling ${stage} of ${checkpoint.id}`;
  try {
    await rename(abandonedFolder(folder), partial);
    onProgress?.(`${what}, from where it was interrupted.`);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await mkdir(partial);
    onProgress?.(`${what}; this happens once.`);
  }
}

async function compileInto(partial: string, task: Task): Promise<void> {
  const { checkpoint, fingerprint, stage, weights, compilerVersion, onProgress, hashes } = task;
  await task.compile(partial);
  await writeManifest(partial, { fingerprint, stage, weights, compilerVersion }, hashes);
  onProgress?.(`Compiled ${stage} of ${checkpoint.id}.`);
}

/** What was read for the manifest need not be read again under the final name. */
async function rememberMoved(partial: string, folder: string, hashes: FileHashes): Promise<void> {
  const parent = await realpath(dirname(folder));
  for (const file of await listedFiles(folder))
    await hashes.moved(join(parent, basename(partial), file), join(folder, file));
}

/** State of a folder: nothing there, as its manifest says, or damaged. */
async function inspect(
  folder: string,
  hashes: FileHashes,
): Promise<'absent' | 'whole' | { readonly problem: string }> {
  if (!(await isPresent(folder))) return 'absent';
  const problem = await findCorruption(folder, hashes);
  return problem === undefined ? 'whole' : { problem };
}

function isPresent(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Puts a complete folder in the place of none or of a damaged one. */
async function replaceFolder(complete: string, folder: string, hashes: FileHashes): Promise<void> {
  try {
    await rename(complete, folder);
  } catch (error) {
    // Another process may have been faster, in spite of the lock: what it put there is as good.
    if ((await inspect(folder, hashes)) === 'whole') return;
    if (!OCCUPIED.includes(systemCode(error) ?? '')) throw error;
    await rename(folder, damagedFolder(complete));
    await rename(complete, folder);
  }
  await syncFolder(dirname(folder));
}

/** How systems say that a folder cannot be renamed to one that exists. */
const OCCUPIED = ['ENOTEMPTY', 'EEXIST', 'EPERM'];

/** Makes the renaming last through a loss of power. Windows has no such call for folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** Where a process compiles: beside the result, so that it can be renamed, under a name of its own. */
function partialFolder(folder: string, token: string): string {
  return `${folder}.partial-${token}`;
}

/** Where the work of a killed process waits for the next one. */
function abandonedFolder(folder: string): string {
  return `${folder}.partial`;
}

/** Several processes may find the same owner dead: one of them renames. */
async function leaveToNext(folder: string, partial: string): Promise<void> {
  await rm(damagedFolder(partial), { recursive: true, force: true });
  try {
    await rename(partial, abandonedFolder(folder));
  } catch (error) {
    // None was begun, or one waits already.
    if (systemCode(error) !== 'ENOENT') await rm(partial, { recursive: true, force: true });
  }
}

/** Where a damaged folder is moved out of the way. */
function damagedFolder(partial: string): string {
  return `${partial}.damaged`;
}

/** Removes what a process may have left under its names, whether it succeeded, failed or was killed. */
async function removeRemains(partial: string): Promise<void> {
  await rm(partial, { recursive: true, force: true });
  await rm(damagedFolder(partial), { recursive: true, force: true });
}

/** No compilation takes so long: what was begun before then is nobody's any more. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;

/** Removes what owners left of whom nobody can say whether they live, for example in a container that is gone. */
async function removeOldRemains(folder: string): Promise<void> {
  const prefix = basename(partialFolder(folder, ''));
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(folder), name);
    const changed = (await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (Date.now() - changed > FORGOTTEN_MS) await rm(path, { recursive: true, force: true });
  }
}

/** System errors that the user can do something about by choosing another home. */
const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EEXIST'];

function homeError(home: string, error: unknown): unknown {
  const code = systemCode(error) ?? '';
  if (error instanceof DiptychError || !UNWRITABLE.includes(code)) return error;
  const message = `Compiled models cannot be written to ${home} (${code}); make room or set DIPTYCH_HOME to another folder.`;
  return new DiptychError('configuration_invalid', message, { param: 'home', cause: error });
}
