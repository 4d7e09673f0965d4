import {
  type Code,
  type Instruction,
  type Memory,
  type Vector,
  vaddps,
  vmaxps,
  vpermilps,
  vshuff32x4,
  vunpckhpd,
  vunpckhps,
  vunpcklpd,
  vunpcklps,
  zmm,
} from '@diptych/machine-code';

/** Lanes of a vector. */
export const LANES = 16;

/** Every lane becomes the sum of all lanes. */
export function sumLanes(vector: Vector, spare: Vector): Code {
  return foldLanes(vaddps, vector, spare);
}

/** Every lane becomes the largest of all lanes. */
export function largestLane(vector: Vector, spare: Vector): Code {
  return foldLanes(vmaxps, vector, spare);
}

function foldLanes(fold: typeof vaddps, vector: Vector, spare: Vector): Code {
  return [
    [vshuff32x4(spare, vector, vector, 0x4e), fold(vector, vector, spare)],
    [vshuff32x4(spare, vector, vector, 0xb1), fold(vector, vector, spare)],
    [vpermilps(spare, vector, 0x4e), fold(vector, vector, spare)],
    [vpermilps(spare, vector, 0xb1), fold(vector, vector, spare)],
  ];
}

/** Lane n of zmm0 becomes the sum of all lanes of zmm(n), for the sixteen registers from zmm0. Changes them and zmm24. */
export function sumLanesOfSixteen(): Code {
  const spare = zmm(24);
  return [
    halve(vunpcklps, vunpckhps, 1, spare),
    halve(vunpcklpd, vunpckhpd, 2, spare),
    halve(lowBlocks, highBlocks, 4, spare),
    halve(lowBlocks, highBlocks, 8, spare),
  ];
}

/** Sums of each two registers that are `distance` apart, in the first of them. */
function halve(low: typeof vunpcklps, high: typeof vunpcklps, distance: number, spare: Vector): Code {
  const pairs = Array.from({ length: LANES / 2 / distance }, (_, pair) => 2 * distance * pair);
  return pairs.map((first) => {
    const [a, b] = [zmm(first), zmm(first + distance)];
    return [low(spare, a, b), high(a, a, b), vaddps(a, a, spare)];
  });
}

function lowBlocks(destination: Vector, first: Vector, second: Vector | Memory): Instruction {
  return vshuff32x4(destination, first, second, 0x88);
}

function highBlocks(destination: Vector, first: Vector, second: Vector | Memory): Instruction {
  return vshuff32x4(destination, first, second, 0xdd);
}
