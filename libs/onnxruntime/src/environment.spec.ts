import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { LogLevel } from './environment.ts';

test('a failed run is silent on stderr, as its words are in the error', () => {
  assert.equal(stderrOfFailedRun(), '');
});

test('ONNX Runtime writes its own lines from the level that was set', () => {
  assert.match(stderrOfFailedRun('error'), /has shape \{3,2\}/);
});

/** What a process writes to stderr in which a run fails. */
function stderrOfFailedRun(level?: LogLevel): string {
  const program = `
    import { setLogLevel, Tensor } from '${import.meta.resolve('./index.ts')}';
    import { addition, loadGraph } from '${import.meta.resolve('./spec-graphs.ts')}';
    ${level === undefined ? '' : `setLogLevel('${level}');`}
    using session = await loadGraph(addition());
    using binding = session.createBinding();
    const input = Tensor.allocate('float32', [1, 2]);
    binding.bindInput('a', input);
    binding.bindInput('b', input);
    binding.bindOutput('sum', Tensor.allocate('float32', [3, 2]));
    await session.run(binding).catch(() => undefined);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stderr;
}
