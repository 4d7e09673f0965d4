import assert from 'node:assert/strict';
import {
  and,
  assemble,
  at,
  type Code,
  callAddress,
  cmp,
  type General,
  imul,
  jmp,
  jumpIf,
  Label,
  lea,
  loadCode,
  type Memory,
  mov,
  pop,
  push,
  r8,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  ret,
  rsi,
  rsp,
  sub,
} from '@diptych/machine-code';
import { type ElementType, kernelFunctions, type Operator } from '@diptych/onnxruntime';

/** Domain of the operators that there is code for. */
export const OPERATOR_DOMAIN = 'diptych';

/** An operator as code: its values, what it computes once, and what its tasks compute side by side. */
export interface OperatorCode {
  readonly name: string;
  readonly inputs: readonly OperatorInput[];
  readonly outputs: readonly ElementType[];
  /** Bytes of the frame for the operator's own use. */
  readonly locals: number;
  /**
   * What is computed once, on the thread that runs the graph: it asks for outputs and starts tasks. rbp holds the frame;
   * rbx is the context and must stay as it is, any other register may be used.
   */
  compute(frame: Frame): Code;
}

/** An input of an operator. */
export interface OperatorInput {
  readonly type: ElementType;
  /** Dimensions that it has, `any` where that is seen in each run. Where left out, its shape is not asked for. */
  readonly rank?: number | 'any';
}

/** What the code of an operator sees of one run: addresses, sizes and room of its own, all at rbp. */
export class Frame {
  readonly #inputs: readonly OperatorInput[];
  readonly #outputs: number;
  readonly #locals: number;
  readonly #fail = new Label();
  readonly #tasks: Code[] = [];

  constructor({ inputs, outputs, locals }: OperatorCode) {
    this.#inputs = inputs;
    this.#outputs = outputs.length;
    this.#locals = locals;
  }

  /** Where the address of an input's elements is. */
  input(index: number): Memory {
    assert.ok(index < this.#inputs.length);
    return at(rbp, CELLS + 8 * index);
  }

  /** Where the address of an output's elements is, after `makeOutput`. */
  output(index: number): Memory {
    assert.ok(index < this.#outputs);
    return at(rbp, CELLS + 8 * (this.#inputs.length + index));
  }

  /** Where a dimension of an input is, as an integer of 64 bits. */
  dimension(input: number, axis: number): Memory {
    const { rank } = this.#inputs[input] ?? {};
    assert.ok(rank !== undefined && axis < (rank === 'any' ? MOST_DIMENSIONS : rank));
    return at(rbp, this.#dimensionsStart + SHAPE_BYTES * input + 8 * axis);
  }

  /** The number of an input's elements, into rax. Its rank is `any`. */
  countElements(input: number): Code {
    const sizes = Array.from({ length: MOST_DIMENSIONS }, (_, axis) => this.dimension(input, axis));
    return [mov(rax, 1), sizes.map((size) => imul(rax, size))];
  }

  /** Room of the operator's own. */
  local(offset: number): Memory {
    assert.ok(offset < this.#locals);
    return at(rbp, this.#localsStart + offset);
  }

  /** Bytes of all of it. */
  get bytes(): number {
    return Math.ceil((this.#localsStart + this.#locals) / 64) * 64;
  }

  /** Makes an output of these sizes. Changes every register but rbx and rbp. */
  makeOutput(index: number, sizes: readonly (Memory | number)[]): Code {
    return [
      sizes.map((size, axis) => [mov(rax, size), mov(at(rbp, SIZES + 8 * axis), rax)]),
      mov(rcx, sizes.length),
      this.#makeOutput(index),
    ];
  }

  /** Makes an output of an input's sizes, the last one replaced where it is given. The input's rank is `any`. */
  makeOutputLike(index: number, input: number, { last }: { readonly last?: number } = {}): Code {
    const sizes = Array.from({ length: MOST_DIMENSIONS }, (_, axis) => this.dimension(input, axis));
    return [
      sizes.map((size, axis) => [mov(rax, size), mov(at(rbp, SIZES + 8 * axis), rax)]),
      mov(rcx, this.#rank(input)),
      last === undefined ? [] : mov(at(rbp, SIZES - 8, { index: rcx, scale: 8 }), last),
      this.#makeOutput(index),
    ];
  }

  /** With the sizes in place, and their number in rcx. */
  #makeOutput(index: number): Code {
    return [
      mov(rdi, rbx),
      mov(rsi, index),
      lea(rdx, at(rbp, SIZES)),
      lea(r8, at(rbp, VALUE)),
      this.#call('kernelContextGetOutput'),
      this.#dataOf(this.output(index)),
    ];
  }

  /**
   * Runs tasks on the session's threads, and waits for all of them. A task is called with its number in rsi and the
   * frame in rbp; it may change every register but rsp. Changes every register but rbx and rbp.
   *
   * @param count a register other than rdi, rsi and rcx
   */
  parallel(count: General, task: Code): Code {
    const label = new Label();
    this.#tasks.push([label, SAVED.map(push), mov(rbp, rdi), task, SAVED.toReversed().map(pop), ret()]);
    return [
      mov(rdx, count),
      mov(rdi, rbx),
      lea(rsi, label),
      mov(rcx, 0),
      mov(r8, rbp),
      this.#call('kernelContextParallelFor'),
    ];
  }

  /** The operator's entry and its tasks. */
  entry(compute: Code): Code {
    const end = new Label();
    return [
      SAVED.map(push),
      mov(rbx, rsi),
      mov(rax, rsp),
      sub(rsp, this.bytes),
      and(rsp, -FRAME_ALIGNMENT),
      mov(rbp, rsp),
      mov(at(rbp, STACK), rax),
      this.#inputs.map((input, index) => this.#readInput(input, index)),
      compute,
      mov(rax, 0),
      jmp(end),
      this.#fail,
      end,
      mov(rsp, at(rbp, STACK)),
      SAVED.toReversed().map(pop),
      ret(),
      this.#tasks,
    ];
  }

  #readInput({ rank }: OperatorInput, index: number): Code {
    return [
      mov(rdi, rbx),
      mov(rsi, index),
      lea(rdx, at(rbp, VALUE)),
      this.#call('kernelContextGetInput'),
      rank === undefined ? [] : this.#readDimensions(index, rank),
      this.#dataOf(this.input(index)),
    ];
  }

  /** Dimensions that an input does not have count as 1. */
  #readDimensions(index: number, rank: number | 'any'): Code {
    const sizes = Array.from({ length: MOST_DIMENSIONS }, (_, axis) => 8 * axis);
    const start = this.#dimensionsStart + SHAPE_BYTES * index;
    return [
      rank === 'any' ? sizes.map((offset) => mov(at(rbp, start + offset), 1)) : [],
      mov(rdi, at(rbp, VALUE)),
      lea(rsi, at(rbp, INFO)),
      this.#call('getTensorTypeAndShape'),
      rank === 'any' ? this.#readRank(index) : mov(rdx, rank),
      mov(rdi, at(rbp, INFO)),
      lea(rsi, this.dimension(index, 0)),
      this.#call('getDimensions'),
      mov(rdi, at(rbp, INFO)),
      callAddress(kernelFunctions().releaseTensorTypeAndShapeInfo),
    ];
  }

  /** The number of dimensions, into rdx and the frame. */
  #readRank(index: number): Code {
    return [
      mov(rdi, at(rbp, INFO)),
      lea(rsi, this.#rank(index)),
      this.#call('getDimensionsCount'),
      mov(rdx, this.#rank(index)),
    ];
  }

  #rank(input: number): Memory {
    return at(rbp, this.#dimensionsStart + SHAPE_BYTES * input + DIMENSIONS_BYTES);
  }

  #dataOf(cell: Memory): Code {
    return [mov(rdi, at(rbp, VALUE)), lea(rsi, cell), this.#call('getTensorMutableData')];
  }

  /** Calls a function that answers with a status, and answers with it at once where it is none of success. */
  #call(name: Exclude<keyof ReturnType<typeof kernelFunctions>, 'releaseTensorTypeAndShapeInfo'>): Code {
    return [callAddress(kernelFunctions()[name]), cmp(rax, 0), jumpIf('ne', this.#fail)];
  }

  get #dimensionsStart(): number {
    return CELLS + 8 * (this.#inputs.length + this.#outputs);
  }

  get #localsStart(): number {
    return Math.ceil((this.#dimensionsStart + SHAPE_BYTES * this.#inputs.length) / 64) * 64;
  }
}

/** Parts of a frame, in bytes: the caller's stack, a value, a shape, sizes of an output, addresses, dimensions. */
const STACK = 0;
const VALUE = 8;
const INFO = 16;
const SIZES = 24;
const MOST_DIMENSIONS = 8;
const DIMENSIONS_BYTES = 8 * MOST_DIMENSIONS;
/** Dimensions, and how many. */
const SHAPE_BYTES = DIMENSIONS_BYTES + 8;
const CELLS = SIZES + DIMENSIONS_BYTES;

/** Vectors of 512 bits in it are read fastest at multiples of it; calls want a stack at multiples of 16. */
const FRAME_ALIGNMENT = 64;

/** What a function leaves as it was. */
const SAVED = [rbx, rbp, r12, r13, r14, r15] as const;

/** Puts an operator's code into memory. */
export function makeOperator(code: OperatorCode): Operator {
  const { name, inputs, outputs } = code;
  const frame = new Frame(code);
  const entry = new Label();
  const compute = code.compute(frame);
  const loaded = loadCode(assemble([entry, frame.entry(compute)]));
  return {
    name,
    domain: OPERATOR_DOMAIN,
    inputs: inputs.map(({ type }) => type),
    outputs,
    compute: loaded.addressOf(entry),
  };
}
