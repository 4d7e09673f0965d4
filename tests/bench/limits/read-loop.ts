/** Bytes that one turn of the loop reads. */
export const STRIDE = 128;

const LANES = 16;
const ACCUMULATORS = STRIDE / LANES;

/**
 * A WebAssembly module that reads memory as fast as a core can: 128 bits a load, eight sums that do not wait for each
 * other. JavaScript's own loops read 8 bytes at a time and stay below the speed of DRAM. It imports `host.memory` and
 * exports `read(begin, end)`, which returns the lower half of the sum of every other word, so that no load is left out.
 */
export function readLoop(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(2, [1, ...name('host'), ...name('memory'), 0x02, 0x00, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('read'), 0x00, 0]),
    ...section(10, [1, ...sized(body())]),
  ]);
}

const I32 = 0x7f;
const V128 = 0x7b;

/** Locals: 0 where to read, 1 the end, from 2 on the sums. */
function body(): number[] {
  const sums = Array.from({ length: ACCUMULATORS }, (_, index) => index);
  const add = sums.flatMap((index) => [
    ...[0x20, 2 + index, 0x20, 0, 0xfd, 0x00, 0x04, index * LANES],
    ...[0xfd, 0xce, 0x01, 0x21, 2 + index],
  ]);
  const advance = [0x20, 0, 0x41, ...signed(STRIDE), 0x6a, 0x22, 0, 0x20, 1, 0x49, 0x0d, 0];
  const together = sums.slice(1).flatMap((index) => [0x20, 2 + index, 0xfd, 0xce, 0x01]);
  return [
    ...[1, ACCUMULATORS, V128],
    ...[0x03, 0x40, ...add, ...advance, 0x0b],
    ...[0x20, 2, ...together, 0xfd, 0x1d, 0, 0xa7, 0x0b],
  ];
}

function section(id: number, bytes: readonly number[]): number[] {
  return [id, ...sized(bytes)];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function name(text: string): number[] {
  return sized([...Buffer.from(text)]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 with a sign, of a positive value. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}
