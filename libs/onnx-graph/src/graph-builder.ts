import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { OPERATOR_DOMAIN } from '@diptych/kernels';
import { type Attributes, attributeProtos } from './attributes.ts';
import { byteSize, bytesOf, ELEMENTS, type ElementType, type TensorData } from './element-type.ts';
import {
  type AttributeProto,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
} from './gen/onnx_pb.js';
import { OPERATOR_SETS, type SaveOptions, saveModel } from './save-model.ts';
import { Value } from './value.ts';
import { type Shape, valueInfo } from './value-info.ts';
import { ENCODINGS, type EncodingName } from './weights/encodings.ts';
import type { PendingWeight } from './weights/layout.ts';
import type { WeightFormat } from './weights/weight-format.ts';
import { matrixSize, type WeightSource } from './weights/weight-source.ts';

/** Where an operator comes from and what it yields. */
export interface OpOptions {
  /** ONNX Runtime's own operators, or ours; ONNX's where left out. */
  readonly domain?: 'com.microsoft' | typeof OPERATOR_DOMAIN;
  /** Number of outputs, 1 where left out. */
  readonly outputs?: number;
  /** Names of the outputs where they matter; an empty one leaves an optional output out. */
  readonly names?: readonly (string | undefined)[];
}

/** Type and shape of an output, for those who read the model; ONNX Runtime infers them where left out. */
export interface OutputType {
  readonly type: ElementType;
  readonly shape: Shape;
}

/**
 * Builds one ONNX graph: inputs, weights, operators, outputs, in the order of calls (which is the topological
 * order that ONNX asks for). Weights are read only on `save`, piece by piece. Misuse (a name given twice, a
 * value of another graph) is an AssertionError: a graph is our own code, never a caller's.
 */
export class GraphBuilder {
  readonly name: string;
  /** How layers that have a choice store their weights. */
  readonly weights: WeightFormat;
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: { value: Value; type: OutputType | undefined }[] = [];
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, Constant>();
  readonly #weights = new Map<string, PendingWeight & { readonly values: readonly Value[] }>();
  readonly #names = new Set<string>();
  readonly #counters = new Map<string, number>();
  readonly #functions = new Map<string, FunctionProto>();

  constructor(options: { readonly name: string; readonly weights?: WeightFormat | undefined }) {
    this.name = options.name;
    this.weights = options.weights ?? 'float32';
  }

  /** A graph input. Dimensions are sizes, or names where they vary from run to run. */
  input(name: string, type: ElementType, shape: Shape): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return this.#value('input', name);
  }

  /** Makes a value a graph output under this name. */
  output(value: Value, name: string, type?: OutputType): void {
    const source = this.#canBeRenamed(value) ? value : this.op('Identity', [value]);
    this.#claim(name);
    source.rename(name);
    this.#outputs.push({ value: source, type });
  }

  /** A small constant that is kept in the graph: shapes, indices, scalars. Equal constants are one. */
  constant(type: ElementType, shape: readonly number[], values: readonly number[] | TensorData): Value {
    const data = Array.isArray(values) ? ELEMENTS[type].from(values) : (values as TensorData);
    assert.equal(data.byteLength, byteSize(type, shape), `a ${type} constant of shape [${shape.join()}]`);
    const key = `${type}[${shape.join()}]${Buffer.from(bytesOf(data)).toString('base64')}`;
    const known = this.#constants.get(key);
    if (known) return known.value;
    const value = this.#value('initializer', this.#unique('constant'));
    this.#constants.set(key, { type, shape, data, value });
    return value;
  }

  /**
   * A weight in one of the encodings, read and stored on `save`: the values of the encoding's outputs, in their
   * order. The same name in the same encoding again is the same weight (tied embeddings are stored once).
   */
  weight(source: WeightSource, encoding: EncodingName): readonly Value[] {
    const key = `${encoding} ${source.name}`;
    const origin = { kind: 'stored', source, encoding } as const;
    const known = this.#weights.get(key);
    if (known) {
      assert.deepEqual(known.origin, origin, `weight ${source.name} asked for in two forms`);
      return known.values;
    }
    assertWhole(source);
    const outputs = ENCODINGS[encoding]
      .outputs(source.shape)
      .map(({ suffix, type, shape }) => ({ name: source.name + suffix, type, shape }));
    const values = outputs.map(({ name }) => this.#value('initializer', name));
    this.#weights.set(key, { origin, outputs, values });
    return values;
  }

  /**
   * A weight that is in no checkpoint, stored like one. `compute` is called once, on `save`, and must give the same
   * elements for the same graph.
   */
  computed(name: string, type: ElementType, shape: readonly number[], compute: () => TensorData): Value {
    const value = this.#value('initializer', name);
    const outputs = [{ name, type, shape }];
    this.#weights.set(`computed ${name}`, {
      origin: { kind: 'computed', compute },
      outputs,
      values: [value],
    });
    return value;
  }

  /**
   * Adds an operator; undefined inputs are optional ones that are left out. Returns its output, or a tuple of
   * them where `outputs` is given.
   */
  op(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Attributes,
    options?: OpOptions & { readonly outputs?: never },
  ): Value;
  op<const N extends number>(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    options: OpOptions & { readonly outputs: N },
  ): Outputs<N>;
  op(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    options: OpOptions = {},
  ): Value | Value[] {
    const outputs = this.#addNode(opType, inputs, attributes, options);
    return options.outputs === undefined ? first(outputs) : outputs;
  }

  /**
   * Adds an operator of `OPERATOR_DOMAIN`, which runs as code of @diptych/kernels where there is some for the
   * processor, and as what `define` builds elsewhere: a graph of ONNX Runtime's own operators with the same inputs and
   * outputs. The name tells the operator's sizes, so equal names are equal operators.
   */
  operator<const I extends readonly Value[], const O extends readonly Value[]>(
    name: string,
    inputs: I,
    define: (body: GraphBuilder, inputs: Values<I>) => O,
  ): Values<O> {
    const definition = this.#functions.get(name) ?? functionProto(name, inputs, define);
    this.#functions.set(name, definition);
    const outputs = this.#addNode(
      name,
      inputs,
      {},
      { domain: OPERATOR_DOMAIN, outputs: definition.output.length },
    );
    // As many as `define` has, which its definition does not say.
    return outputs as Values<O>;
  }

  /**
   * Writes `model.onnx` and, where there are large weights, `model.onnx.data` into a folder, which is made where it
   * does not exist; `fileName` takes the place of `model.onnx`. Where an earlier call for the same graph and
   * checkpoint was interrupted, goes on in its folder.
   *
   * @throws DiptychError `checkpoint_invalid` naming file and tensor.
   */
  async save(folder: string, options: SaveOptions = {}): Promise<void> {
    const content = { graph: this.graph(), functions: [...this.#functions.values()] };
    await saveModel(folder, content, [...this.#weights.values()], options);
  }

  /** The graph as it stands, without its large weights. */
  graph(): GraphProto {
    return create(GraphProtoSchema, {
      name: this.name,
      node: this.#nodes.map(nodeProto),
      initializer: [...this.#constants.values()].map(constantProto),
      input: this.#inputs,
      output: this.#outputs.map(({ value, type }) => valueInfo(value.name, type?.type, type?.shape)),
    });
  }

  #addNode(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    options: OpOptions,
  ): Value[] {
    for (const input of inputs)
      assert.ok(input === undefined || input.owner === this, 'a value of another graph');
    const name = this.#unique(opType);
    const outputs = Array.from({ length: options.outputs ?? 1 }, (_, index) =>
      this.#nodeOutput(options.names?.[index] ?? `${name}.${index}`),
    );
    const attribute = attributeProtos(attributes);
    this.#nodes.push({ name, opType, inputs, outputs, attribute, domain: options.domain ?? '' });
    return outputs;
  }

  #canBeRenamed(value: Value): boolean {
    assert.equal(value.owner, this, 'a value of another graph');
    return value.origin === 'node' && !this.#outputs.some((output) => output.value === value);
  }

  #nodeOutput(name: string): Value {
    return name === '' ? new Value(this, 'node', '') : this.#value('node', name);
  }

  #value(origin: Value['origin'], name: string): Value {
    this.#claim(name);
    return new Value(this, origin, name);
  }

  #claim(name: string): void {
    assert.ok(!this.#names.has(name), `the name ${name} is used twice in the graph`);
    this.#names.add(name);
  }

  #unique(prefix: string): string {
    const count = this.#counters.get(prefix) ?? 0;
    this.#counters.set(prefix, count + 1);
    return `${prefix}_${count}`;
  }
}

/** The body of an operator: its constants are nodes, as a function has none of its own. */
function functionProto<const I extends readonly Value[]>(
  name: string,
  given: I,
  define: (body: GraphBuilder, inputs: Values<I>) => readonly Value[],
): FunctionProto {
  const body = new GraphBuilder({ name });
  const inputs = given.map((_, index) => body.input(`x${index}`, 'float32', []));
  // As many as were given, which `map` does not say.
  define(body, inputs as Values<I>).forEach((output, index) => body.output(output, `y${index}`));
  const { node, initializer, input, output } = body.graph();
  return create(FunctionProtoSchema, {
    name,
    domain: OPERATOR_DOMAIN,
    input: input.map((value) => value.name),
    output: output.map((value) => value.name),
    node: [...initializer.map(constantNode), ...node],
    opsetImport: OPERATOR_SETS,
  });
}

function constantNode(tensor: TensorProto) {
  const attribute = attributeProtos({ value: tensor });
  return create(NodeProtoSchema, { name: tensor.name, opType: 'Constant', attribute, output: [tensor.name] });
}

/** Values, as many as there are in a tuple. */
export type Values<T extends readonly Value[]> = { readonly [K in keyof T]: Value };

/** A tuple of N values. */
export type Outputs<N extends number, Sofar extends Value[] = []> = Sofar['length'] extends N
  ? Sofar
  : Outputs<N, [...Sofar, Value]>;

interface Node {
  readonly name: string;
  readonly opType: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attribute: AttributeProto[];
  readonly domain: string;
}

interface Constant {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: TensorData;
  readonly value: Value;
}

function nodeProto({ name, opType, inputs, outputs, attribute, domain }: Node) {
  return create(NodeProtoSchema, {
    name,
    opType,
    domain,
    attribute,
    input: inputs.map((input) => input?.name ?? ''),
    output: outputs.map((output) => output.name),
  });
}

function constantProto({ type, shape, data, value }: Constant) {
  return create(TensorProtoSchema, {
    name: value.name,
    dataType: ELEMENTS[type].onnx,
    dims: shape.map(BigInt),
    rawData: bytesOf(data).slice(),
  });
}

function assertWhole({ name, shape, parts }: WeightSource): void {
  const { rows, columns } = matrixSize(shape);
  const elements = parts.reduce((sum, part) => sum + part.elements, 0);
  assert.equal(elements, rows * columns, `elements of weight ${name}, [${shape.join()}]`);
}

function first(values: readonly Value[]): Value {
  const [value] = values;
  assert.ok(value);
  return value;
}
