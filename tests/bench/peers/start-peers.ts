import { fileURLToPath } from 'node:url';
import type { Shape } from '../shapes/shape.ts';
import { Peer } from '../targets/peer.ts';
import { missingPeers, type PeerName, peerFolders } from './peer-folders.ts';
import { exportModel } from './transformersjs/export-model.ts';

/** What the peers answer with. */
export interface PeerOptions {
  readonly shape: Shape;
  readonly checkpointFolder: string;
  /** Folder of the bench's files. */
  readonly home: string;
  /** Spells tokens. */
  readonly textOf: (ids: readonly number[]) => string;
  readonly onProgress: (message: string) => void;
}

/** A peer in all its forms, the reference form first; none where it is not installed. */
export interface PeerForms {
  readonly name: PeerName;
  readonly forms: readonly Peer[];
  /** Why there are none. */
  readonly skipped: string | undefined;
}

const SERVE_PY = fileURLToPath(new URL('./transformers/serve.py', import.meta.url));
const SERVE_TS = fileURLToPath(new URL('./transformersjs/serve.ts', import.meta.url));

/** Starts every peer that is installed, in each of its forms: a process each. The caller stops them. */
export async function startPeers(options: PeerOptions): Promise<PeerForms[]> {
  const missing = missingPeers(peerFolders(options.home));
  const start = { transformers: startTransformers, transformersjs: startTransformersJs };
  const peers: PeerForms[] = [];
  for (const [name, launch] of Object.entries(start) as [PeerName, typeof startTransformers][]) {
    const skipped = missing[name];
    if (skipped !== undefined) options.onProgress(`Skipping ${name}: ${skipped}.`);
    peers.push({ name, skipped, forms: skipped === undefined ? await launch(options) : [] });
  }
  return peers;
}

async function startTransformers({ checkpointFolder, home, textOf }: PeerOptions): Promise<Peer[]> {
  const { interpreter } = peerFolders(home);
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error' };
  const start = (dtype: string) =>
    Peer.start('transformers', {
      command: interpreter,
      args: [SERVE_PY, checkpointFolder, dtype],
      env,
      textOf,
    });
  return [await start('float32'), await start('bfloat16')];
}

async function startTransformersJs({ textOf, ...options }: PeerOptions): Promise<Peer[]> {
  const folder = peerFolders(options.home).transformersjs;
  const exported = await exportModel({ ...options, home: folder });
  const start = (dtype: string) =>
    Peer.start('transformersjs', {
      command: process.execPath,
      args: [SERVE_TS, folder, exported, dtype],
      textOf,
    });
  return [await start('fp32'), await start('q8')];
}
