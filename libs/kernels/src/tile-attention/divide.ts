import { type Code, div, type General, type Memory, mov, rax, rbx, rdx, xor } from '@diptych/machine-code';

/** rax = the quotient, rdx = the rest, without signs. Changes rbx. */
export function divide(dividend: General, divisor: General | Memory | number): Code {
  return [mov(rbx, divisor), mov(rax, dividend), xor(rdx, rdx), div(rbx)];
}
