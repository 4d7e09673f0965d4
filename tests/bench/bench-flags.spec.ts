import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBenchFlags } from './bench-flags.ts';

function run(...args: string[]) {
  const flags = readBenchFlags(args, '/cache/bench');
  assert.equal(flags.kind, 'run');
  return flags;
}

test('a whole run measures the peers, in five pairs, and our services as they choose', () => {
  assert.partialDeepStrictEqual(run(), {
    home: '/cache/bench',
    weights: 'auto',
    peers: true,
    quick: false,
    shape: { name: 'smolvlm-256m' },
    sizes: { pairs: 5, contexts: [64, 1200, 4000] },
  });
});

test('a quick run leaves the peers and the large image out', () => {
  const { peers, sizes } = run('--quick');
  assert.equal(peers, false);
  assert.equal(sizes.largeImage, false);
});

test('--peers installs and measures nothing', () => {
  assert.deepEqual(readBenchFlags(['--peers'], '/cache/bench'), { kind: 'install', home: '/cache/bench' });
});

test('what makes no sense is refused by name', () => {
  assert.throws(() => run('--quick', '--write'), /--write needs a whole run/);
  assert.throws(() => run('--pairs', '0'), /--pairs must be a whole number from 1 to 99, got "0"/);
  assert.throws(() => run('--shape', 'gpt-2'), /gpt-2.*smolvlm-256m/);
  assert.throws(() => run('--speed', '3'), /speed/);
});
