import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeTimes } from './node-times.ts';
import { toMarkdown } from './profile-report.ts';

/** A run of a decoder's nodes as ONNX Runtime writes it: [operator, microseconds]. */
function run(...nodes: readonly (readonly [string, number])[]) {
  const events = nodes.map(([op, dur], index) => ({
    cat: 'Node',
    name: `${op}_${index}_kernel_time`,
    dur,
    args: { op_name: op },
  }));
  const whole = { cat: 'Session', name: 'model_run', dur: 1e6, args: {} };
  return [...events, whole];
}

function decoderRun(factor: number) {
  return run(
    ['GroupQueryAttention', 3000 * factor],
    ['MatMul', 1000 * factor],
    ['MatMul', 1000 * factor],
    ['Gather', 0],
    ['MatMul', 5000 * factor],
  );
}

const WARM_UP = [{ cat: 'Session', name: 'model_loading_uri', dur: 7, args: {} }, ...run(['MatMul', 9e6])];

test('sums up the nodes of the last runs by group and by operator, the most expensive first', () => {
  const trace = JSON.stringify([...WARM_UP, ...decoderRun(1), ...decoderRun(3), ...decoderRun(2)]);
  const { total, groups, ops } = nodeTimes(trace, 3);
  assert.equal(total, 20);
  assert.deepEqual(
    groups.map(({ name, nodes, milliseconds, share }) => [name, nodes, milliseconds, share]),
    [
      ['head', 1, 10, 0.5],
      ['attention', 1, 6, 0.3],
      ['linear products', 2, 4, 0.2],
      ['rest', 1, 0, 0],
    ],
  );
  assert.deepEqual(
    ops.map(({ name, nodes, milliseconds }) => [name, nodes, milliseconds]),
    [
      ['MatMul', 3, 14],
      ['GroupQueryAttention', 1, 6],
      ['Gather', 1, 0],
    ],
  );
});

test('only a decoder has a head', () => {
  const { groups } = nodeTimes(JSON.stringify(run(['Gather', 10], ['MatMul', 10])), 1);
  assert.deepEqual(groups.map(({ name }) => name).toSorted(), ['linear products', 'rest']);
});

test('prints two tables', () => {
  const report = { title: 'Decode', ...nodeTimes(JSON.stringify(decoderRun(1)), 1) };
  const lines = toMarkdown(report).split('\n');
  assert.equal(lines[0], 'Decode: 10.00 ms in nodes');
  assert.ok(lines.includes('| attention | 1 | 3.00 | 30.0 % |'));
  assert.ok(lines.includes('| MatMul | 3 | 7.00 | 70.0 % |'));
  assert.ok(lines.includes('| 1 others | 1 | 0.00 | 0.0 % |'));
});
