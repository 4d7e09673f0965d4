import assert from 'node:assert/strict';
import { test } from 'node:test';
import koffi from 'koffi';
import * as x from './index.ts';
import { at, k, r8, r12, r13, r15, rax, rbp, rbx, rcx, rdi, rdx, rsi, rsp, tmm, ymm, zmm } from './index.ts';

/** Instructions and their bytes, as the GNU assembler's disassembler reads them back. */
const ENCODINGS: readonly (readonly [code: x.Code, bytes: string])[] = [
  // mov rax,rdi
  [x.mov(rax, rdi), '4889f8'],
  // movabs r15,0x123456789a
  [x.mov(r15, 0x123456789an), '49bf9a78563412000000'],
  // mov QWORD PTR [r13+0x0],rax
  [x.mov(at(r13), rax), '49898500000000'],
  // mov QWORD PTR [rsp],0x7
  [x.mov(at(rsp), 7), '48c7042407000000'],
  // mov r8d,DWORD PTR [rbp+0x0]
  [x.load32(r8, at(rbp)), '448b8500000000'],
  // movsxd r8,DWORD PTR [r12+rcx*4+0x4]
  [x.loadSigned32(r8, at(r12, 4, { index: rcx, scale: 4 })), '4d63848c04000000'],
  // lea rsi,[rax+r12*8-0x8]
  [x.lea(rsi, at(rax, -8, { index: r12, scale: 8 })), '4a8db4e0f8ffffff'],
  // cmp rdx,QWORD PTR [rbx+0x8]
  [x.cmp(rdx, at(rbx, 8)), '483b9308000000'],
  // sub rsp,0x40
  [x.sub(rsp, 64), '4881ec40000000'],
  // imul rax,QWORD PTR [rdi],0x18
  [x.imul(rax, at(rdi), 24), '48690718000000'],
  // div rcx
  [x.div(rcx), '48f7f1'],
  // shl r12,0x3
  [x.shl(r12, 3), '49c1e403'],
  // push r12
  [x.push(r12), '4154'],
  // cmova r8,rax
  [x.moveIf('a', r8, rax), '4c0f47c0'],
  // vaddps zmm1,zmm17,zmm31
  [x.vaddps(zmm(1), zmm(17), zmm(31)), '6291744058cf'],
  // vmaxps zmm20{k3},zmm5,ZMMWORD PTR [r13+r12*4+0x0]
  [x.vmaxps(zmm(20), zmm(5), at(r13, 0, { index: r12, scale: 4 }), { mask: k(3) }), '6281544b5fa4a500000000'],
  // vfmadd231ps zmm1,zmm2,DWORD BCST [rax+0x4]
  [x.vfmadd231ps(zmm(1), zmm(2), x.broadcast(at(rax, 4))), '62f26d58b88804000000'],
  // vmovups zmm2{k1}{z},ZMMWORD PTR [rsi]
  [x.vmovups(zmm(2), at(rsi), { mask: k(1), zeroing: true }), '62f17cc91016'],
  // vmovups ZMMWORD PTR [rsi+0x80]{k1},zmm25
  [x.vmovups(at(rsi, 128), zmm(25), { mask: k(1) }), '62617c49118e80000000'],
  // vcvtneps2bf16 ymm1,zmm2
  [x.vcvtneps2bf16(ymm(1), zmm(2)), '62f27e4872ca'],
  // vpmovdb XMMWORD PTR [rdi+0x10],zmm7
  [x.vpmovdb(at(rdi, 16), zmm(7)), '62f27e4831bf10000000'],
  // vpcmpnled k1,zmm2,zmm3
  [x.vpcmpd(k(1), zmm(2), 'greater', zmm(3)), '62f36d481fcb06'],
  // kmovw k2,eax
  [x.kmovw(k(2), rax), 'c4e17892d0'],
  // ldtilecfg [rsp]
  [x.ldtilecfg(at(rsp)), 'c4e278490424'],
  // tileloadd tmm3,[rdi+rcx*1+0x40]
  [x.tileloadd(tmm(3), rdi, rcx, 64), 'c4e27b4b9c0f40000000'],
  // tilestored [r12+r13*1],tmm7
  [x.tilestored(r12, r13, tmm(7)), 'c4827a4b3c2c'],
  // tdpbf16ps tmm0,tmm4,tmm6
  [x.tdpbf16ps(tmm(0), tmm(4), tmm(6)), 'c4e24a5cc4'],
  // tilerelease
  [x.tilerelease(), 'c4e27849c0'],
];

test('instructions have the bytes that others read as the same', () => {
  for (const [code, bytes] of ENCODINGS)
    assert.equal(Buffer.from(x.assemble(code).bytes).toString('hex').slice(0, bytes.length), bytes);
});

const here = process.platform === 'linux' && process.arch === 'x64';

test('code runs, with jumps, constants and calls', { skip: !here && 'for Linux on x86-64 only' }, () => {
  const [entry, loop, double] = [new x.Label(), new x.Label(), new x.Label()];
  // Twice the sum of the numbers from 1 to the argument, and a constant.
  const code = [
    entry,
    x.mov(rax, 0),
    loop,
    x.add(rax, rdi),
    x.sub(rdi, 1),
    x.jumpIf('ne', loop),
    x.call(double),
    x.add(rax, x.constant(Uint8Array.from([7, 0, 0, 0, 0, 0, 0, 0]))),
    x.ret(),
    double,
    x.imul(rax, rax, 2),
    x.ret(),
  ];
  const address = x.loadCode(x.assemble(code)).addressOf(entry);
  const run = koffi.decode(address, koffi.proto('int64_t', ['int64_t'])) as (count: number) => number;
  assert.equal(run(10), 117);
});

test('a label is in one place', () => {
  const label = new x.Label();
  assert.throws(() => x.assemble([label, x.ret(), label]), /two places/);
  assert.throws(() => x.assemble([x.jmp(label)]), /nowhere/);
});
