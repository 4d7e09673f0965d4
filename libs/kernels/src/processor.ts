import { readFileSync } from 'node:fs';
import { assemble, loadCode, requestTiles, ret } from '@diptych/machine-code';
import { kernelFunctions } from '@diptych/onnxruntime';

/** What code may need of a processor, by the names that Linux gives it. */
export type ProcessorFlag =
  | 'avx512f'
  | 'avx512bw'
  | 'avx512dq'
  | 'avx512vl'
  | 'avx512_bf16'
  | 'amx_tile'
  | 'amx_bf16';

/** Vectors of 512 bits, as servers have had them since 2017 (Intel) and 2022 (AMD). */
export const AVX512: readonly ProcessorFlag[] = ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl'];

/** Tiles of bfloat16, as Intel's servers have had them since 2023. */
export const AMX: readonly ProcessorFlag[] = [...AVX512, 'avx512_bf16', 'amx_tile', 'amx_bf16'];

/**
 * Whether code of ours that needs these abilities can run in this process: on Linux, on an x86-64 processor that has
 * them. Tiles must be asked for, once in a process and before the threads start that use them: this does.
 */
export function processorHas(flags: readonly ProcessorFlag[]): boolean {
  known ??= readFlags();
  const here = known;
  if (!flags.every((flag) => here.has(flag)) || !mayRunCode()) return false;
  return !flags.includes('amx_tile') || mayUseTiles();
}

let known: ReadonlySet<string> | undefined;

function readFlags(): ReadonlySet<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return new Set();
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return new Set(flags?.trim().split(/\s+/));
}

let code: boolean | undefined;

/** Hardened systems let no process run what it has written. */
function mayRunCode(): boolean {
  code ??= triesToLoad();
  return code;
}

function triesToLoad(): boolean {
  // ONNX Runtime sets up calls of native code, which is refused once any other library was loaded.
  kernelFunctions();
  try {
    loadCode(assemble(ret()));
    return true;
  } catch {
    return false;
  }
}

let tiles: boolean | undefined;

function mayUseTiles(): boolean {
  tiles ??= requestTiles();
  return tiles;
}
