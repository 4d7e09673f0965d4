import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { Binding } from './binding.ts';
import { Session } from './session.ts';
import { addition, CHAIN_SIDE, chain, loadGraph, saveGraph, withFolder } from './spec-graphs.ts';
import { Tensor } from './tensor.ts';

test('describes the inputs and outputs of a graph', async () => {
  using session = await loadGraph(addition());
  const shape = ['rows', 2];
  assert.deepEqual(session.inputs, [
    { name: 'a', type: 'float32', shape },
    { name: 'b', type: 'float32', shape },
  ]);
  assert.deepEqual(session.outputs, [{ name: 'sum', type: 'float32', shape }]);
});

test('runs again and again over the same binding, seeing what changed in the arrays', async () => {
  using session = await loadGraph(addition());
  using fixture = new Addition(session);
  for (const value of [1, 20, 300]) {
    fixture.a.data.set([value, value]);
    await session.run(fixture.binding);
    assert.deepEqual([...fixture.sum.data], [value + 1, value + 2]);
  }
});

test('runs several bindings at the same time', async () => {
  using session = await loadGraph(addition());
  using one = new Addition(session);
  using two = new Addition(session);
  two.a.data.set([10, 10]);
  await Promise.all([session.run(one.binding), session.run(two.binding)]);
  assert.deepEqual(
    [[...one.sum.data], [...two.sum.data]],
    [
      [1, 2],
      [11, 12],
    ],
  );
});

test('takes every option', async () => {
  for (const graphOptimization of ['none', 'basic', 'extended', 'all'] as const) {
    using session = await loadGraph(addition(), {
      intraOpThreads: 2,
      allowSpinning: false,
      graphOptimization,
    });
    using fixture = new Addition(session);
    await session.run(fixture.binding);
    assert.deepEqual([...fixture.sum.data], [1, 2]);
  }
});

test('writes a profile of its nodes by the time it was disposed of', async () => {
  await withFolder(async (folder) => {
    const session = await loadGraph(addition(), { profilePrefix: join(folder, 'profile') });
    using fixture = new Addition(session);
    await session.run(fixture.binding);
    session[Symbol.dispose]();
    const [file, ...others] = await readdir(folder);
    assert.match(file ?? '', /^profile.*\.json$/);
    assert.deepEqual(others, []);
    assert.match(await readFile(join(folder, file ?? ''), 'utf8'), /"op_name" *: *"Add"/);
  });
});

test('the event loop keeps ticking during a run', async () => {
  using fixture = new Chain(await loadGraph(chain(50)));
  let running = true;
  const run = fixture.session.run(fixture.binding).finally(() => (running = false));
  let ticks = 0;
  for (; running; ticks += 1) await tick();
  await run;
  assert.ok(ticks > 10, `${ticks} ticks`);
  assert.deepEqual(fixture.product.data, fixture.expected);
});

test('an abort ends a run that is under way', async () => {
  using fixture = new Chain(await loadGraph(chain(2000)));
  const controller = new AbortController();
  const run = fixture.session.run(fixture.binding, { signal: controller.signal });
  await fixture.started();
  controller.abort();
  await assert.rejects(run, { code: 'cancelled' });
});

test('a binding runs again after a run that was aborted', async () => {
  using fixture = new Chain(await loadGraph(chain(50)));
  const controller = new AbortController();
  const run = fixture.session.run(fixture.binding, { signal: controller.signal });
  controller.abort();
  await assert.rejects(run, { code: 'cancelled' });
  await fixture.session.run(fixture.binding);
  assert.deepEqual(fixture.product.data, fixture.expected);
});

test('a signal that is aborted already starts nothing', async () => {
  using session = await loadGraph(addition());
  using fixture = new Addition(session);
  await assert.rejects(session.run(fixture.binding, { signal: AbortSignal.abort() }), { code: 'cancelled' });
  assert.deepEqual([...fixture.sum.data], [0, 0]);
});

test('disposal of everything during a run lets the run end, and nothing after it', async () => {
  const fixture = new Chain(await loadGraph(chain(50)));
  const run = fixture.session.run(fixture.binding);
  await fixture.started();
  fixture[Symbol.dispose]();
  await run;
  assert.deepEqual(fixture.product.data, fixture.expected);
  await assert.rejects(fixture.session.run(fixture.binding), {
    code: 'runtime_failed',
    message: /session was disposed/,
  });
});

test('a failing run gives the words of ONNX Runtime', async () => {
  using session = await loadGraph(addition());
  using fixture = new Addition(session);
  using wrong = Tensor.allocate('float32', [3, 2]);
  fixture.binding.bindOutput('sum', wrong);
  await assert.rejects(session.run(fixture.binding), {
    code: 'runtime_failed',
    message: /has shape \{3,2\}/,
  });
  fixture.binding.bindOutput('sum', fixture.sum);
  await session.run(fixture.binding);
  assert.deepEqual([...fixture.sum.data], [1, 2]);
});

test('a run with an input left out fails, naming it', async () => {
  using session = await loadGraph(addition());
  using binding = session.createBinding();
  using tensor = Tensor.allocate('float32', [1, 2]);
  binding.bindInput('a', tensor);
  binding.bindOutput('sum', tensor);
  await assert.rejects(session.run(binding), { code: 'runtime_failed', message: /Missing Input: b/ });
});

test('a name that the graph does not have is refused with those that it has', async () => {
  using session = await loadGraph(addition());
  using fixture = new Addition(session);
  assert.throws(() => fixture.binding.bindInput('c', fixture.a), {
    code: 'runtime_failed',
    message: /no input c.*a, b/,
  });
  assert.throws(() => fixture.binding.bindOutput('c', fixture.a), {
    code: 'runtime_failed',
    message: /no output c.*sum/,
  });
  await session.run(fixture.binding);
  assert.deepEqual([...fixture.sum.data], [1, 2]);
});

test('a binding takes no second run and no other tensors while it runs', async () => {
  using fixture = new Chain(await loadGraph(chain(50)));
  const run = fixture.session.run(fixture.binding);
  const expected = { code: 'runtime_failed', message: /in a run already/ };
  await assert.rejects(fixture.session.run(fixture.binding), expected);
  assert.throws(() => fixture.binding.bindInput('a', fixture.a), expected);
  assert.throws(() => fixture.binding.bindOutput('product', fixture.a), expected);
  await run;
});

test('a binding runs in its own session only', async () => {
  using session = await loadGraph(addition());
  using other = await loadGraph(addition());
  using fixture = new Addition(other);
  await assert.rejects(session.run(fixture.binding), { code: 'runtime_failed', message: /another session/ });
});

test('every use after disposal throws', async () => {
  using session = await loadGraph(addition());
  const fixture = new Addition(session);
  fixture.sum[Symbol.dispose]();
  await assert.rejects(session.run(fixture.binding), {
    code: 'runtime_failed',
    message: /tensor was disposed/,
  });
  fixture[Symbol.dispose]();
  const expected = { code: 'runtime_failed', message: /disposed/ };
  assert.throws(() => fixture.binding.bindInput('a', fixture.a), expected);
  assert.throws(() => fixture.binding.bindOutput('sum', fixture.sum), expected);
  await assert.rejects(session.run(fixture.binding), expected);
  session[Symbol.dispose]();
  assert.throws(() => session.createBinding(), expected);
});

test('a session takes its bindings with it', async () => {
  const session = await loadGraph(addition());
  const fixture = new Addition(session);
  session[Symbol.dispose]();
  session[Symbol.dispose]();
  assert.throws(() => fixture.binding.bindInput('a', fixture.a), {
    code: 'runtime_failed',
    message: /binding was disposed/,
  });
});

test('a file that is missing, empty, cut short or no model is named', async () => {
  await withFolder(async (folder) => {
    const whole = await readFile(await saveGraph(folder, addition()));
    const path = join(folder, 'other.onnx');
    await assertCorrupt(path);
    for (const content of [Buffer.alloc(0), whole.subarray(0, whole.length - 20), Buffer.from('{"a":1}')]) {
      await writeFile(path, content);
      await assertCorrupt(path);
    }
  });
});

test('weights that are cut short are named', async () => {
  await withFolder(async (folder) => {
    const externalWeight = { name: 'b', shape: [64, 2], file: 'weights' };
    const path = await saveGraph(folder, { ...addition(), externalWeight });
    await writeFile(join(folder, 'weights'), new Uint8Array(100));
    await assertCorrupt(path);
  });
});

async function assertCorrupt(path: string): Promise<void> {
  await assert.rejects(Session.load(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'compiled_model_corrupt', error.message);
    assert.ok(error.message.startsWith(path));
    return true;
  });
}

/** `addition` with one row: a is zero, b is [1, 2]. */
class Addition implements Disposable {
  readonly binding: Binding;
  readonly a = Tensor.allocate('float32', [1, 2]) as Tensor & { data: Float32Array };
  readonly b = Tensor.over('float32', [1, 2], Float32Array.of(1, 2));
  readonly sum = Tensor.allocate('float32', [1, 2]) as Tensor & { data: Float32Array };

  constructor(session: Session) {
    this.binding = session.createBinding();
    this.binding.bindInput('a', this.a);
    this.binding.bindInput('b', this.b);
    this.binding.bindOutput('sum', this.sum);
  }

  [Symbol.dispose](): void {
    for (const owned of [this.binding, this.a, this.b, this.sum]) owned[Symbol.dispose]();
  }
}

/** A chain of products of ones with the unit matrix, so that every product is all twos. Owns its session. */
class Chain implements Disposable {
  readonly session: Session;
  readonly binding: Binding;
  readonly a = square(1);
  readonly b = unit();
  readonly start = square(0);
  readonly product = square(0);
  readonly expected = new Float32Array(CHAIN_SIDE ** 2).fill(2);

  constructor(session: Session) {
    this.session = session;
    this.binding = session.createBinding();
    this.binding.bindInput('a', this.a);
    this.binding.bindInput('b', this.b);
    this.binding.bindOutput('started', this.start);
    this.binding.bindOutput('product', this.product);
  }

  /** Waits until the run has written its first output. */
  async started(): Promise<void> {
    while (this.start.data[0] === 0) await tick();
  }

  [Symbol.dispose](): void {
    for (const owned of [this.session, this.binding, this.a, this.b, this.start, this.product])
      owned[Symbol.dispose]();
  }
}

function square(value: number): Tensor {
  return Tensor.over('float32', [CHAIN_SIDE, CHAIN_SIDE], new Float32Array(CHAIN_SIDE ** 2).fill(value));
}

function unit(): Tensor {
  const tensor = square(0);
  for (let index = 0; index < CHAIN_SIDE; index += 1) tensor.data[index * CHAIN_SIDE + index] = 1;
  return tensor;
}
