import { type Code, f64x2, Local, unsigned, VALUE_TYPES, type ValueType } from './wasm-code.ts';

/** Names of parameters or locals, with their types. */
type Names<Name extends string> = Readonly<Record<Name, ValueType>>;

/** A function of a module. */
export interface WasmFunction {
  readonly parameters: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly result: ValueType;
  /** Its instructions. */
  readonly code: Code;
}

/** The code of a number in both lanes of a vector. */
export type Constant = (value: number) => Code;

/**
 * Defines a function; `body` gets its parameters and locals by name and leaves the result on the stack. A constant
 * of it is a local that is set once, as the engine would make it anew at each use.
 */
export function defineFunction<Parameter extends string, Variable extends string>(definition: {
  readonly parameters: Names<Parameter>;
  readonly locals: Names<Variable>;
  readonly result: ValueType;
  readonly body: (
    named: Readonly<Record<Parameter | Variable, Local>>,
    constant: Constant,
  ) => readonly Code[];
}): WasmFunction {
  const { parameters, result } = definition;
  const types: Names<string> = { ...parameters, ...definition.locals };
  const named = Object.entries(types).map(([name, type], index) => [name, new Local(index, type)] as const);
  const constants = new Map<number, Local>();
  const constant: Constant = (value) => {
    const local = constants.get(value) ?? new Local(named.length + constants.size, 'v128');
    constants.set(value, local);
    return local.get;
  };
  const body = definition.body(Object.fromEntries(named) as Record<Parameter | Variable, Local>, constant);
  const prologue = [...constants].map(([value, local]) => local.set(f64x2.const(value)));
  return {
    parameters: Object.values(parameters),
    locals: [...Object.values<ValueType>(definition.locals), ...prologue.map(() => 'v128' as const)],
    result,
    code: [...prologue, ...body].flat(),
  };
}

/**
 * The bytes of a module that imports a memory, `memory` of `host`, and exports functions by their names.
 *
 * Source: WebAssembly Core Specification 2.0, "Modules" of the binary format.
 */
export function encodeModule(functions: Readonly<Record<string, WasmFunction>>): Uint8Array<ArrayBuffer> {
  const list = Object.values(functions);
  const sections = [
    section(1, vector(list.map(typeOf))),
    section(2, vector([[...name('host'), ...name('memory'), 0x02, 0x00, 0x01]])),
    section(3, vector(list.map((_, index) => unsigned(index)))),
    section(7, vector(Object.keys(functions).map((key, index) => [...name(key), 0x00, ...unsigned(index)]))),
    section(10, vector(list.map(codeOf))),
  ];
  return Uint8Array.from([...MAGIC, ...sections.flat()]);
}

/** "\0asm", version 1. */
const MAGIC: Code = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

function typeOf({ parameters, result }: WasmFunction): Code {
  return [0x60, ...vector(parameters.map(typeCode)), ...vector([typeCode(result)])];
}

function codeOf({ locals, code }: WasmFunction): Code {
  const declared = vector(locals.map((type) => [1, ...typeCode(type)]));
  return sized([...declared, ...code, 0x0b]);
}

function typeCode(type: ValueType): Code {
  return [VALUE_TYPES[type]];
}

function section(id: number, content: Code): Code {
  return [id, ...sized(content)];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return sized([...Buffer.from(text)]);
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content];
}
