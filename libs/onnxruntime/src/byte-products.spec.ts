import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteProductsOverflow } from './byte-products.ts';

const cpuInfo = (flags: string) => `processor\t: 0\nmodel name\t: X\nflags\t\t: ${flags}\n\nprocessor\t: 1\n`;

test('asks for exact products of bytes only where fast ones overflow', () => {
  const cases = [
    ['x64', cpuInfo('fpu avx2 avx512f'), true],
    ['x64', cpuInfo('fpu avx2 avx_vnni_int8_not_a_flag'), true],
    ['x64', cpuInfo('fpu avx2 avx_vnni'), false],
    ['x64', cpuInfo('fpu avx512f avx512_vnni'), false],
    ['x64', cpuInfo('fpu amx_tile amx_int8'), false],
    ['x64', '', true],
    ['arm64', '', false],
  ] as const;
  for (const [arch, text, overflows] of cases)
    assert.equal(byteProductsOverflow({ arch, cpuInfo: text }), overflows, `${arch} ${text}`);
});
