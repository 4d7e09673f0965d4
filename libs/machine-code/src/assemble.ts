import assert from 'node:assert/strict';
import type { Code, Instruction, Label } from './encoding.ts';
import type { Constant } from './operands.ts';

/** Code and its constants, which run wherever they are placed. */
export interface Assembly {
  readonly bytes: Uint8Array;
  /** Where each label is in them. */
  readonly offsets: ReadonlyMap<Label, number>;
}

/** Constants begin at multiples of it, as vectors of 512 bits are read fastest there. */
const ALIGNMENT = 64;

/** Instructions as bytes, with every distance filled in. Equal constants are kept once. */
export function assemble(code: Code): Assembly {
  const offsets = new Map<Label, number>();
  const placed: { readonly instruction: Instruction; readonly offset: number }[] = [];
  let end = 0;
  for (const item of flatten(code)) {
    if (item.kind === 'label') {
      assert.ok(!offsets.has(item), 'a label is in two places');
      offsets.set(item, end);
      continue;
    }
    placed.push({ instruction: item, offset: end });
    end += item.bytes.length;
  }
  const constants = new Constants(end);
  const distances = placed.map(({ instruction, offset }) => {
    const to = instruction.reference?.to;
    if (to === undefined) return undefined;
    const target = to.kind === 'constant' ? constants.place(to) : offsets.get(to);
    assert.ok(target !== undefined, 'a label is nowhere');
    return target - offset - instruction.bytes.length;
  });
  const bytes = new Uint8Array(constants.end);
  const view = new DataView(bytes.buffer);
  for (const [number, { instruction, offset }] of placed.entries()) {
    bytes.set(instruction.bytes, offset);
    const distance = distances[number];
    if (instruction.reference !== undefined && distance !== undefined)
      view.setInt32(offset + instruction.reference.at, distance, true);
  }
  constants.write(bytes);
  return { bytes, offsets };
}

function* flatten(code: Code): Generator<Label | Instruction> {
  if (Array.isArray(code)) for (const part of code as readonly Code[]) yield* flatten(part);
  else yield code as Label | Instruction;
}

/** Constants behind the code, in the order in which they are first used. */
class Constants {
  end: number;
  readonly #offsets = new Map<string, { readonly offset: number; readonly bytes: Uint8Array }>();

  constructor(codeEnd: number) {
    this.end = codeEnd;
  }

  place({ bytes }: Constant): number {
    const content = bytes.join();
    const known = this.#offsets.get(content);
    if (known !== undefined) return known.offset;
    const offset = Math.ceil(this.end / ALIGNMENT) * ALIGNMENT;
    this.#offsets.set(content, { offset, bytes });
    this.end = offset + bytes.length;
    return offset;
  }

  write(target: Uint8Array): void {
    for (const { offset, bytes } of this.#offsets.values()) target.set(bytes, offset);
  }
}
