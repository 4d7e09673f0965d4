import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the peers are installed: in folders of their own, apart from this workspace. */
export interface PeerFolders {
  /** Python's virtual environment with `transformers`. */
  readonly python: string;
  /** Its interpreter. */
  readonly interpreter: string;
  /** Folder with `node_modules/@huggingface/transformers`, and its exports. */
  readonly transformersjs: string;
}

/**
 * The folders below the bench's own. `DIPTYCH_BENCH_PYTHON` names the interpreter of another environment with the same
 * packages.
 */
export function peerFolders(home: string): PeerFolders {
  const python = join(home, 'peers', 'transformers');
  return {
    python,
    interpreter: process.env['DIPTYCH_BENCH_PYTHON'] ?? join(python, 'bin', 'python'),
    transformersjs: join(home, 'peers', 'transformersjs'),
  };
}

/** Why a peer cannot be measured, or undefined where it is installed. */
export function missingPeers(folders: PeerFolders): Readonly<Record<PeerName, string | undefined>> {
  const install = 'install it with npm run bench -- --peers';
  const hasLibrary = existsSync(join(folders.transformersjs, 'node_modules', '@huggingface', 'transformers'));
  return {
    transformers: existsSync(folders.interpreter)
      ? undefined
      : `${folders.interpreter} is not there: ${install}`,
    transformersjs: hasLibrary ? undefined : `${folders.transformersjs} has no library: ${install}`,
  };
}

/** What our services are measured against. */
export type PeerName = 'transformers' | 'transformersjs';

/** All of them. */
export const PEER_NAMES: readonly PeerName[] = ['transformers', 'transformersjs'];
