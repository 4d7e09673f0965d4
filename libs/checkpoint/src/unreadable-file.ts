import { systemCode } from './failures.ts';

/** A file that cannot be read. */
export class UnreadableFile extends Error {
  readonly path: string;
  /** The system's. */
  readonly code: string | undefined;

  constructor(path: string, cause: unknown) {
    super(`${path} cannot be read`, { cause });
    this.path = path;
    this.code = systemCode(cause);
  }
}

/** For `catch`: the error, with the file's path. */
export function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new UnreadableFile(path, cause);
  };
}
