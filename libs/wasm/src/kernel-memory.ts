import assert from 'node:assert/strict';
import { encodeModule, type WasmFunction } from './wasm-module.ts';

/** The parts of the WebAssembly JavaScript interface that are used, which Node's declarations lack. */
interface WebAssemblyInterface {
  readonly Memory: new (descriptor: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly host: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, Kernel>> };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

declare global {
  const WebAssembly: WebAssemblyInterface;
}

/** A function of a module. */
export type Kernel = (...parameters: number[]) => number;

/** A compiled module; it may be instantiated over several memories. */
export class KernelModule<Name extends string> {
  readonly compiled: object;

  constructor(functions: Readonly<Record<Name, WasmFunction>>) {
    this.compiled = new WebAssembly.Module(encodeModule(functions));
  }
}

/** Bytes of a page, in which memory is measured. */
const PAGE = 2 ** 16;

/** Arrays begin at multiples of it, as vectors are read fastest there. */
const ALIGNMENT = 16;

/** Memory for kernels: arrays are placed in it one after the other. It never grows, so they stay where they are. */
export class KernelMemory {
  readonly #memory: WasmMemory;
  #end = 0;

  /** @param bytes of all arrays together, and `ALIGNMENT` more for each */
  constructor(bytes: number) {
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  }

  /** An array of zeros. */
  uint8(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, this.#place(length), length);
  }

  /** An array of zeros. */
  int16(length: number): Int16Array<ArrayBuffer> {
    return new Int16Array(this.#memory.buffer, this.#place(2 * length), length);
  }

  /** An array of zeros. */
  int32(length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#memory.buffer, this.#place(4 * length), length);
  }

  /** An array of zeros. */
  float32(length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#memory.buffer, this.#place(4 * length), length);
  }

  /** An array of zeros. */
  float64(length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#memory.buffer, this.#place(8 * length), length);
  }

  /** The functions of a module over this memory, where the offset of an array is its address. */
  instantiate<Name extends string>(module: KernelModule<Name>): Readonly<Record<Name, Kernel>> {
    const { exports } = new WebAssembly.Instance(module.compiled, { host: { memory: this.#memory } });
    return exports;
  }

  #place(bytes: number): number {
    const start = this.#end;
    this.#end = Math.ceil((start + bytes) / ALIGNMENT) * ALIGNMENT;
    assert.ok(this.#end <= this.#memory.buffer.byteLength, 'an array beyond the memory');
    return start;
  }
}
