import { type Code, defineFunction, f32, i32, KernelModule, type Local, repeatWhile } from '@diptych/wasm';

/** Numbers of a channel's table: one for each 8-bit value. */
export const TABLE_LENGTH = 256;

/**
 * `split(from, end, to, plane, tables)`: red, green and blue of pixels, interleaved, go to three planes of float32
 * numbers, `plane` bytes from one to the next, each value by its channel's table. The result is the end of the first.
 */
const split = defineFunction({
  parameters: { from: 'i32', end: 'i32', to: 'i32', plane: 'i32', tables: 'i32' },
  locals: { green: 'i32', blue: 'i32' },
  result: 'i32',
  body: ({ from, end, to, plane, tables, green, blue }) => [
    green.set(i32.add(to.get, plane.get)),
    blue.set(i32.add(green.get, plane.get)),
    repeatWhile(i32.lessThan(from.get, end.get), [
      ...[to, green, blue].flatMap((out, channel) => [
        f32.store(out.get, lookUp(tables, channel, i32.loadByte(from.get, channel))),
        advance(out, 4),
      ]),
      advance(from, 3),
    ]),
    to.get,
  ],
});

function lookUp(tables: Local, channel: number, value: Code): Code {
  return f32.load(i32.add(tables.get, i32.shiftLeft(value, 2)), 4 * TABLE_LENGTH * channel);
}

function advance(address: Local, bytes: number): Code {
  return address.set(i32.add(address.get, i32.const(bytes)));
}

/** The kernel, compiled once for a thread. */
export const PLANES_KERNELS = new KernelModule({ split });
