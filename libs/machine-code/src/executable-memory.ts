import { DiptychError } from '@diptych/errors';
import koffi, { type LibraryHandle } from 'koffi';
import type { Assembly } from './assemble.ts';
import type { Label } from './encoding.ts';

/** Code in this process's memory, which stays there as long as the process. */
export interface LoadedCode {
  /** The address of a label of the code. */
  addressOf(label: Label): bigint;
}

/** From Linux's mman.h. */
const READ = 1;
const WRITE = 2;
const EXECUTE = 4;
const PRIVATE_ANONYMOUS = 0x22;

/**
 * Places code in memory of its own, which is written first and can then be run and read, but no longer written. Linux
 * only.
 *
 * @throws DiptychError `runtime_failed` where the system gives no such memory; hardened ones may not.
 */
export function loadCode({ bytes, offsets }: Assembly): LoadedCode {
  const { mmap, mprotect } = system();
  const start = mmap(null, bytes.length, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
  if (start === MAP_FAILED) throw refused();
  new Uint8Array(koffi.view(start, bytes.length)).set(bytes);
  if (mprotect(start, bytes.length, READ | EXECUTE) !== 0) throw refused();
  return {
    addressOf: (label) => {
      const offset = offsets.get(label);
      if (offset === undefined) throw new TypeError('The label is not of this code.');
      return start + BigInt(offset);
    },
  };
}

/**
 * Memory of the process that nothing moves or frees, filled with these bytes: for structures that native code keeps
 * the address of.
 */
export function loadData(bytes: Uint8Array): bigint {
  const start = system().mmap(null, bytes.length, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
  if (start === MAP_FAILED) throw refused();
  new Uint8Array(koffi.view(start, bytes.length)).set(bytes);
  return start;
}

/**
 * Asks Linux to let this process use the tiles of AMX, which it grants where it knows how to keep their state. Threads
 * that start afterwards may use them too.
 */
export function requestTiles(): boolean {
  const ARCH_PRCTL = 158;
  const REQUEST_PERMISSION = 0x1023;
  const TILE_DATA = 18;
  return system().syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) === 0;
}

const MAP_FAILED = 2n ** 64n - 1n;

interface System {
  readonly library: LibraryHandle;
  readonly mmap: (
    address: null,
    bytes: number,
    protection: number,
    flags: number,
    file: number,
    offset: number,
  ) => bigint;
  readonly mprotect: (address: bigint, bytes: number, protection: number) => number;
  readonly syscall: (number: number, first: number, second: number) => number;
}

let opened: System | undefined;

/** The C library; kept, as koffi unloads a library that nothing refers to. */
function system(): System {
  opened ??= open();
  return opened;
}

function open(): System {
  const library = koffi.load('libc.so.6');
  return {
    library,
    mmap: library.func('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'long']),
    mprotect: library.func('mprotect', 'int', ['void *', 'size_t', 'int']),
    syscall: library.func('syscall', 'long', ['long', 'long', 'long']),
  };
}

function refused(): DiptychError {
  return new DiptychError(
    'runtime_failed',
    'The system gives this process no memory to run machine code from.',
  );
}
