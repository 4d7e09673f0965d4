import { type Code, type Constant, f64x2, i64x2, type Local, v128 } from '@diptych/wasm';

/**
 * exp of two numbers x of at most 0, to about a unit in the last place; 0 for what is no number. With x = k ln 2 + r
 * it is 2^k exp(r), and exp(r) = 1 + 2 r / (r coth(r / 2) - r). The same bits on every machine, as each operation
 * is one of IEEE 754, which `Math.exp` does not promise.
 */
export function exponential(
  locals: Readonly<Record<'x' | 'power' | 'r' | 'square', Local>>,
  constant: Constant,
): Code {
  const { x, power, r, square } = locals;
  const exponent = f64x2.sub(
    power.tee(f64x2.add(f64x2.mul(x.get, constant(1 / Math.LN2)), constant(ROUNDER))),
    constant(ROUNDER),
  );
  const code = [
    square.set(exponent),
    r.set(
      f64x2.sub(
        f64x2.sub(x.get, f64x2.mul(square.get, constant(LN2_HIGH))),
        f64x2.mul(square.get, constant(LN2_LOW)),
      ),
    ),
    square.set(f64x2.mul(r.get, r.get)),
  ].flat();
  const coth = COTH_SERIES.map(constant).reduceRight((sum, term) =>
    f64x2.add(term, f64x2.mul(square.get, sum)),
  );
  const quotient = f64x2.div(f64x2.add(r.get, r.get), f64x2.sub(coth, r.get));
  const scaled = i64x2.add(f64x2.add(constant(1), quotient), i64x2.shiftLeft(power.get, 52));
  return [...code, ...v128.and(scaled, f64x2.atLeast(x.get, constant(LOWEST)))];
}

/** Adding it rounds a number to an integer, which then stands in the lowest bits. */
const ROUNDER = 1.5 * 2 ** 52;

/** ln 2 in two parts: the product of the first with an exponent is exact. */
const LN2_HIGH = Math.fround(Math.LN2);
/** The rest, with what Math.LN2 lacks of ln 2. */
const LN2_LOW = Math.LN2 - LN2_HIGH + 2.3190468138462996e-17;

/** Below it a result would be too small for a normal number; it is 0. */
const LOWEST = -708;

/**
 * r coth(r / 2) = 2 + r^2 / 6 - r^4 / 360 + ..., the coefficients of r^2n being 2 B(2n) / (2n)! with the Bernoulli
 * numbers. For |r| of at most ln 2 / 2 what is left out is below 2^-58.
 */
const COTH_SERIES = [2, 1 / 6, -1 / 360, 1 / 15120, -1 / 604800, 1 / 23950080, -691 / 653837184000];
