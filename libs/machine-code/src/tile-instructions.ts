import { type Instruction, vexInstruction } from './encoding.ts';
import type { General, Memory, Tile } from './operands.ts';
import { at } from './operands.ts';

/** Shapes of all tiles, as 64 bytes tell them (`tileShapes`). Every thread has its own. */
export function ldtilecfg(shapes: Memory): Instruction {
  return vexInstruction({ prefix: 0, map: 2, opcode: 0x49 }, { register: 0, operand: shapes });
}

/** Writes the shapes in use to 64 bytes: zeros where no tile is in use. */
export function sttilecfg(shapes: Memory): Instruction {
  return vexInstruction({ prefix: 1, map: 2, opcode: 0x49 }, { register: 0, operand: shapes });
}

/** A tile from rows that begin `stride` bytes apart. */
export function tileloadd(destination: Tile, base: General, stride: General, displacement = 0): Instruction {
  return vexInstruction(
    { prefix: 3, map: 2, opcode: 0x4b },
    { register: destination.number, operand: at(base, displacement, { index: stride }) },
  );
}

/** A tile to rows that begin `stride` bytes apart. */
export function tilestored(base: General, stride: General, source: Tile, displacement = 0): Instruction {
  return vexInstruction(
    { prefix: 2, map: 2, opcode: 0x4b },
    { register: source.number, operand: at(base, displacement, { index: stride }) },
  );
}

/** A tile of zeros. */
export function tilezero(destination: Tile): Instruction {
  return vexInstruction(
    { prefix: 3, map: 2, opcode: 0x49 },
    { register: destination.number, operand: { kind: 'tile', number: 0 } },
  );
}

/**
 * sums [M, N] of float32 += rows [M, 2K] · columns, both of bfloat16; row k of `columns` [K, 2N] holds elements 2k and
 * 2k + 1 of each of its N columns side by side.
 */
export function tdpbf16ps(sums: Tile, rows: Tile, columns: Tile): Instruction {
  return vexInstruction(
    { prefix: 2, map: 2, opcode: 0x5c },
    { register: sums.number, source: columns.number, operand: rows },
  );
}

/** Ends the use of tiles: the thread's next switch has less to save. */
export function tilerelease(): Instruction {
  return vexInstruction(
    { prefix: 0, map: 2, opcode: 0x49 },
    { register: 0, operand: { kind: 'tile', number: 0 } },
  );
}

/** The 64 bytes of `ldtilecfg`: rows and bytes of a row of each tile in use. */
export function tileShapes(
  tiles: readonly { readonly rows: number; readonly rowBytes: number }[],
): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  for (const [number, { rows, rowBytes }] of tiles.entries()) {
    view.setUint16(16 + 2 * number, rowBytes, true);
    bytes[48 + number] = rows;
  }
  return bytes;
}
