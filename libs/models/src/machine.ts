import { readFile } from 'node:fs/promises';

/** What of a machine decides how weights are stored best. */
export interface Machine {
  /** Whether its processor has instructions that multiply 8-bit integers. */
  readonly multipliesBytes: boolean;
  /** Bytes that this process may still take. */
  readonly availableMemory: number;
}

/** The machine that this process runs on. */
export async function thisMachine(): Promise<Machine> {
  const { platform, arch } = process;
  const cpuInfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  return {
    multipliesBytes: multipliesBytes({ platform, arch, cpuInfo }),
    availableMemory: process.availableMemory(),
  };
}

/** x86: VNNI and AMX. ARM: the dot products, and the matrix products, of 8-bit integers. */
const BYTE_FLAGS: Partial<Record<string, readonly string[]>> = {
  x64: ['avx512_vnni', 'avx_vnni', 'amx_int8'],
  arm64: ['asimddp', 'i8mm'],
};

/**
 * Whether a processor multiplies 8-bit integers fast, by the flags that Linux tells. Every processor of Apple's own
 * does; of a Windows machine, and of a Mac with another processor, nothing is known.
 *
 * @param cpuInfo The text of /proc/cpuinfo, empty where there is none.
 */
export function multipliesBytes(machine: {
  readonly platform: string;
  readonly arch: string;
  readonly cpuInfo: string;
}): boolean {
  const { platform, arch, cpuInfo } = machine;
  if (platform === 'darwin') return arch === 'arm64';
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? [];
  return BYTE_FLAGS[arch]?.some((flag) => flags.includes(flag)) ?? false;
}
