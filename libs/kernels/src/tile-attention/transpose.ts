import {
  type Code,
  vshuff32x4,
  vunpckhpd,
  vunpckhps,
  vunpcklpd,
  vunpcklps,
  zmm,
} from '@diptych/machine-code';

/** Transposes the 16 rows of 16 elements of 32 bits in zmm0 to zmm15. Changes all vectors. */
export function transpose(): Code {
  return [pairs(), fours(), blocks(BEHIND, 0, 4), blocks(0, BEHIND, 8)];
}

/** The registers that the steps write alternately. */
const BEHIND = 16;

/** Blocks 0 and 2 of each of two vectors, and blocks 1 and 3. */
const EVEN = 0x88;
const ODD = 0xdd;

/** Elements of rows 2i and 2i + 1 side by side. */
function pairs(): Code {
  return range(8).map((i) => [
    vunpcklps(zmm(BEHIND + 2 * i), zmm(2 * i), zmm(2 * i + 1)),
    vunpckhps(zmm(BEHIND + 2 * i + 1), zmm(2 * i), zmm(2 * i + 1)),
  ]);
}

/** Elements of four rows side by side: block b of register 4i + c has column 4b + c of rows 4i to 4i + 3. */
function fours(): Code {
  return range(4).map((i) =>
    range(2).map((half) => {
      const first = zmm(BEHIND + 4 * i + half);
      const second = zmm(BEHIND + 4 * i + half + 2);
      return [
        vunpcklpd(zmm(4 * i + 2 * half), first, second),
        vunpckhpd(zmm(4 * i + 2 * half + 1), first, second),
      ];
    }),
  );
}

/** Gathers blocks of equal columns of two registers that are `apart`. */
function blocks(to: number, from: number, apart: 4 | 8): Code {
  return range(4).map((c) => {
    if (apart === 4)
      return [
        vshuff32x4(zmm(to + c), zmm(from + c), zmm(from + 4 + c), EVEN),
        vshuff32x4(zmm(to + 4 + c), zmm(from + 8 + c), zmm(from + 12 + c), EVEN),
        vshuff32x4(zmm(to + 8 + c), zmm(from + c), zmm(from + 4 + c), ODD),
        vshuff32x4(zmm(to + 12 + c), zmm(from + 8 + c), zmm(from + 12 + c), ODD),
      ];
    return [
      vshuff32x4(zmm(to + c), zmm(from + c), zmm(from + 4 + c), EVEN),
      vshuff32x4(zmm(to + 8 + c), zmm(from + c), zmm(from + 4 + c), ODD),
      vshuff32x4(zmm(to + 4 + c), zmm(from + 8 + c), zmm(from + 12 + c), EVEN),
      vshuff32x4(zmm(to + 12 + c), zmm(from + 8 + c), zmm(from + 12 + c), ODD),
    ];
  });
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
