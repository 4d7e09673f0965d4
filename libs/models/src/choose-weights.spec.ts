import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseWeights } from './choose-weights.ts';
import { multipliesBytes } from './machine.ts';

const GB = 2 ** 30;
const MODEL = { elements: 8e9, bytes: 16e9 };

test('int8 where the processor multiplies bytes and half of the memory holds the weights', () => {
  const machine = { multipliesBytes: true, availableMemory: 16 * GB };
  assert.equal(chooseWeights(MODEL, machine).format, 'int8');
});

test('int4 where half of the memory does not hold int8 weights, whatever the processor', () => {
  for (const multiplies of [true, false]) {
    const choice = chooseWeights(MODEL, { multipliesBytes: multiplies, availableMemory: 12 * GB });
    assert.equal(choice.format, 'int4');
    assert.match(choice.reason, /memory/);
  }
});

test('int8 on any processor where half of the memory does not hold float32 weights', () => {
  const choice = chooseWeights(MODEL, { multipliesBytes: false, availableMemory: 32 * GB });
  assert.equal(choice.format, 'int8');
  assert.match(choice.reason, /memory/);
});

test('float32 where the processor has no fast products of bytes, and for a small model', () => {
  assert.equal(chooseWeights(MODEL, { multipliesBytes: false, availableMemory: 64 * GB }).format, 'float32');
  const small = { elements: 5e6, bytes: 10e6 };
  assert.equal(chooseWeights(small, { multipliesBytes: true, availableMemory: 4e6 }).format, 'float32');
});

const CPUS: readonly [name: string, cpu: Parameters<typeof multipliesBytes>[0], expected: boolean][] = [
  ['a server with AMX', linux('x64', 'flags\t\t: fpu vme avx512f amx_int8 amx_tile'), true],
  ['a server with AVX-512 VNNI', linux('x64', 'model name\t: x\nflags\t\t: fpu avx512_vnni'), true],
  ['a desktop with AVX VNNI', linux('x64', 'flags : avx2 avx_vnni'), true],
  ['an older desktop', linux('x64', 'flags : avx2 fma'), false],
  ['a flag that only begins like it', linux('x64', 'flags : avx_vnni_int16'), false],
  ['an ARM server with dot products', linux('arm64', 'Features\t: fp asimd asimddp'), true],
  ['an ARM server with matrix products', linux('arm64', 'Features\t: fp asimd i8mm'), true],
  ['a small ARM board', linux('arm64', 'Features\t: fp asimd crc32'), false],
  ['Linux without /proc', linux('x64', ''), false],
  ['an Apple processor', { platform: 'darwin', arch: 'arm64', cpuInfo: '' }, true],
  ['an older Mac', { platform: 'darwin', arch: 'x64', cpuInfo: '' }, false],
  ['Windows', { platform: 'win32', arch: 'x64', cpuInfo: '' }, false],
];

for (const [name, cpu, expected] of CPUS)
  test(`${name} ${expected ? 'multiplies' : 'is not known to multiply'} bytes fast`, () => {
    assert.equal(multipliesBytes(cpu), expected);
  });

function linux(arch: string, cpuInfo: string) {
  return { platform: 'linux', arch, cpuInfo };
}
