import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allocateElements, type ElementType, elementTypeCode, elementTypeOf } from './element-type.ts';
import { addition, loadGraph } from './spec-graphs.ts';
import { Tensor } from './tensor.ts';

const TYPES: readonly ElementType[] = ['float32', 'float16', 'int64', 'int32', 'int8', 'uint8', 'bool'];

async function identity(type: ElementType, shape: readonly (number | string)[]) {
  return loadGraph({
    inputs: [{ name: 'in', type, shape }],
    outputs: [{ name: 'out', type, shape }],
    nodes: [{ op: 'Identity', inputs: ['in'], outputs: ['out'] }],
  });
}

for (const type of TYPES)
  test(`carries ${type} in and out unchanged`, async () => {
    using session = await identity(type, ['n']);
    using binding = session.createBinding();
    using input = Tensor.over(type, [3], fill(type));
    using output = Tensor.allocate(type, [3]);
    binding.bindInput('in', input);
    binding.bindOutput('out', output);
    await session.run(binding);
    assert.deepEqual(output.data, fill(type));
    assert.equal(elementTypeOf(elementTypeCode(type)), type);
  });

test('carries a scalar, a shape without dimensions', async () => {
  using session = await identity('float32', []);
  using binding = session.createBinding();
  using input = Tensor.over('float32', [], Float32Array.of(7));
  using output = Tensor.allocate('float32', []);
  binding.bindInput('in', input);
  binding.bindOutput('out', output);
  await session.run(binding);
  assert.equal(output.data[0], 7);
});

test('reads and writes views at any offset of a buffer, and nothing around them', async () => {
  using session = await loadGraph(addition());
  using binding = session.createBinding();
  await fc.assert(
    fc.asyncProperty(fc.nat(9), fc.integer({ min: 0, max: 5 }), async (offset, rows) => {
      const memory = new Float32Array(24).fill(-1);
      using a = Tensor.over('float32', [rows, 2], new Float32Array(rows * 2).fill(1));
      using sum = Tensor.over('float32', [rows, 2], memory.subarray(offset, offset + rows * 2));
      binding.bindInput('a', a);
      binding.bindInput('b', a);
      binding.bindOutput('sum', sum);
      await session.run(binding);
      const expected = new Float32Array(24).fill(-1).fill(2, offset, offset + rows * 2);
      assert.deepEqual(memory, expected);
    }),
    { numRuns: 50 },
  );
});

test('starts zeroed where it brings its own memory', () => {
  using tensor = Tensor.allocate('int64', [2, 2]);
  assert.deepEqual(tensor.data, new BigInt64Array(4));
});

test('refuses an array of the wrong size or kind, and shapes that are none', () => {
  const four = new Float32Array(4);
  assert.throws(() => Tensor.over('float32', [2, 3], four), {
    code: 'runtime_failed',
    message: /6 elements.* 4/,
  });
  assert.throws(() => Tensor.over('int32', [4], four), {
    code: 'runtime_failed',
    message: /int32.*Float32Array/,
  });
  for (const shape of [[-2, -2], [1.5], [NaN], [2 ** 40, 2 ** 40]])
    assert.throws(() => Tensor.over('float32', shape, four), {
      code: 'runtime_failed',
      message: /not the shape/,
    });
});

test('throws on use after disposal', async () => {
  using session = await loadGraph(addition());
  using binding = session.createBinding();
  const tensor = Tensor.allocate('float32', [1, 2]);
  tensor[Symbol.dispose]();
  tensor[Symbol.dispose]();
  assert.throws(() => binding.bindInput('a', tensor), {
    code: 'runtime_failed',
    message: /tensor was disposed of/,
  });
});

function fill(type: ElementType) {
  const data = allocateElements(type, 3);
  if (data instanceof BigInt64Array) data.set([1n, 0n, 2n ** 40n]);
  else data.set([1, 0, 1]);
  return data;
}
