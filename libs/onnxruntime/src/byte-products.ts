import { readFileSync } from 'node:fs';

/**
 * Whether fast products of unsigned by signed bytes may overflow on this processor: x86 without VNNI and AMX adds up
 * pairs of them in 16 bits. Where a processor's abilities are not known (outside Linux), it is taken for one of those.
 */
export function byteProductsOverflow(machine: {
  readonly arch: string;
  /** The text of /proc/cpuinfo, empty where there is none. */
  readonly cpuInfo: string;
}): boolean {
  const { arch, cpuInfo } = machine;
  if (arch !== 'x64') return false;
  const flags = /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? [];
  return !SUMS_IN_32_BITS.some((flag) => flags.includes(flag));
}

/** Instructions that add up products of bytes in 32 bits. */
const SUMS_IN_32_BITS = ['avx512_vnni', 'avx_vnni', 'amx_int8'];

let known: boolean | undefined;

/** `byteProductsOverflow` of the machine that this process runs on. */
export function byteProductsOverflowHere(): boolean {
  known ??= byteProductsOverflow({ arch: process.arch, cpuInfo: readCpuInfo() });
  return known;
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
