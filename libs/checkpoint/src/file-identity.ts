import { realpath, stat } from 'node:fs/promises';

/** What tells a file from what it was: any write to it changes one of these, also one that puts the times back. */
export interface FileIdentity {
  /** Real path. */
  readonly path: string;
  readonly size: number;
  /** Nanoseconds, as decimal digits. */
  readonly modified: string;
  /** Time of the last change of content or attributes, which no program can set; nanoseconds, as decimal digits. */
  readonly changed: string;
  readonly inode: string;
}

/** Looks at a file. Throws the system's error where it cannot. */
export async function identify(path: string): Promise<FileIdentity> {
  const real = await realpath(path);
  const { size, mtimeNs, ctimeNs, ino } = await stat(real, { bigint: true });
  return {
    path: real,
    size: Number(size),
    modified: String(mtimeNs),
    changed: String(ctimeNs),
    inode: String(ino),
  };
}

/** True where nothing differs. */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.path === b.path &&
    a.size === b.size &&
    a.modified === b.modified &&
    a.changed === b.changed &&
    a.inode === b.inode
  );
}

/** When the file was last changed, in milliseconds since 1970. */
export function lastChange({ modified, changed }: FileIdentity): number {
  return Math.max(Number(BigInt(modified) / 1_000_000n), Number(BigInt(changed) / 1_000_000n));
}
