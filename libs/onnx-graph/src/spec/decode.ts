import { ENCODINGS, type EncodingName } from '../weights/encodings.ts';

/** A matrix [rows, columns] in an encoding: the bytes of each output. */
export function encodeMatrix(name: EncodingName, rows: Float32Array, columns: number): Uint8Array[] {
  const totalRows = rows.length / columns;
  const outputs = ENCODINGS[name]
    .outputs([totalRows, columns])
    .map(({ type, shape }) => new Uint8Array(shape.reduce((a, b) => a * b, BYTES[type] ?? Number.NaN)));
  ENCODINGS[name].encode({ rows: rows.slice(), first: 0, count: totalRows, columns, totalRows }, outputs);
  return outputs;
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, float16: 2, int8: 1, uint8: 1 };

/** An element that was stored, and the scale that it was stored with. */
export interface Decoded {
  readonly value: number;
  readonly scale: number;
}

/** What the operators make of the codes of an encoding, written down from their definitions. */
export const DECODERS: Record<'int8' | 'int8Blocks' | 'int4', Decoder> = {
  int8: ([codes, scales], index, columns, rows) => {
    const row = Math.floor(index / columns);
    const scale = floatAt(scales, row);
    return { value: int8At(codes, (index % columns) * rows + row) * scale, scale };
  },
  int8Blocks: ([codes, scales], index, columns) => {
    const { block, place } = placeOf(index, columns, 64);
    const scale = floatAt(scales, block);
    return { value: ((codes?.[block * 64 + place] ?? Number.NaN) - 128) * scale, scale };
  },
  int4: ([codes, scales, steps, zeros], index, columns) => {
    const { block, place } = placeOf(index, columns, 32);
    const blocks = Math.ceil(columns / 32);
    const zeroIndex = Math.floor(block / blocks) * Math.ceil(blocks / 2) * 2 + (block % blocks);
    const scale = (scales?.[block] ?? Number.NaN) * floatAt(steps, Math.floor(index / columns));
    return { value: (nibble(codes, block * 32 + place) - nibble(zeros, zeroIndex)) * scale, scale };
  },
};

type Decoder = (outputs: readonly Uint8Array[], index: number, columns: number, rows: number) => Decoded;

function placeOf(index: number, columns: number, length: number) {
  const column = index % columns;
  const block = Math.floor(index / columns) * Math.ceil(columns / length) + Math.floor(column / length);
  return { block, place: column % length };
}

function floatAt(bytes: Uint8Array | undefined, index: number): number {
  return bytes ? new DataView(bytes.buffer).getFloat32(index * 4, true) : Number.NaN;
}

function int8At(bytes: Uint8Array | undefined, index: number): number {
  return bytes ? new DataView(bytes.buffer).getInt8(index) : Number.NaN;
}

function nibble(bytes: Uint8Array | undefined, index: number): number {
  return ((bytes?.[index >> 1] ?? Number.NaN) >> ((index & 1) * 4)) & 0xf;
}
