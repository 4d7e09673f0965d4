/**
 * A uniform number in [0, 1) that depends on (seed, position) alone: the `position`-th output of SplitMix64
 * started at `seed`, of which the upper 53 bits are used. A draw needs no state, so a stream that is resumed on
 * another machine goes on with the same draws.
 *
 * Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014), with the finaliser
 * of the reference `splitmix64.c` by Vigna.
 *
 * @param seed unsigned 64-bit integer
 * @param position index of the draw, from 0
 */
export function uniformAt(seed: bigint, position: number): number {
  const state = BigInt.asUintN(64, seed + GOLDEN_GAMMA * BigInt(position + 1));
  return Number(mix(state) >> 11n) * 2 ** -53;
}

/** A seed for a request that gave none: 53 random bits, so that it survives a trip through JSON. */
export function randomSeed(): bigint {
  const [bits = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return bits >> 11n;
}

/** 2^64 divided by the golden ratio, made odd. */
const GOLDEN_GAMMA = 0x9e3779b97f4a7c15n;

function mix(state: bigint): bigint {
  const first = BigInt.asUintN(64, (state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n);
  const second = BigInt.asUintN(64, (first ^ (first >> 27n)) * 0x94d049bb133111ebn);
  return second ^ (second >> 31n);
}
