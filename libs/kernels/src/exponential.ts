import {
  type Code,
  everywhere,
  floats,
  type Vector,
  vbroadcastss,
  vfmadd213ps,
  vmaxps,
  vrndscaleps,
  vscalefps,
  vsubps,
} from '@diptych/machine-code';

/** Registers of an exponential; all of them change but `least`. */
export interface ExponentialRegisters {
  /** Exponents of two, then the powers. */
  readonly value: Vector;
  /** Holds `LEAST_EXPONENT` in every lane. */
  readonly least: Vector;
  readonly whole: Vector;
  readonly power: Vector;
}

/** Powers of less are as good as zero, and become exactly that: -∞ has no fraction to compute with. */
export const LEAST_EXPONENT = -200;

/**
 * 2^value of exponents up to 127, with a relative error of 1e-7; exactly 1 for 0, exactly 0 for -∞, NaN for NaN.
 *
 * The exponent's nearest integer is added to that of the float, its rest in [-1/2, 1/2] goes through a polynomial.
 */
export function powerOfTwo({ value, least, whole, power }: ExponentialRegisters): Code {
  const [highest = 0, ...others] = COEFFICIENTS.toReversed();
  return [
    vmaxps(value, least, value),
    vrndscaleps(whole, value),
    vsubps(value, value, whole),
    vbroadcastss(power, floats(highest)),
    others.map((coefficient) => vfmadd213ps(power, value, everywhere(coefficient))),
    vscalefps(value, power, whole),
  ];
}

/**
 * 2^x - 1 over x in [-1/2, 1/2] by powers of x, from 0: the polynomial of degree 6 with the smallest relative error
 * (2e-9) among those that are 1 at 0, found by weighted least squares.
 */
const COEFFICIENTS = [
  1, 0.6931472028550836, 0.24022647913626868, 0.05550332471098203, 0.009618437357761833,
  0.0013398874422979462, 0.00015353361909111918,
];
