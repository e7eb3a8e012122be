/**
 * The CRC-32C of two pieces from the CRCs of each, without a look at their bytes. Source: zlib's `crc32_combine`, by Mark Adler: the CRC of the first, times x to the number of the bits of the second, modulo the polynomial.
 */
import { POLYNOMIAL } from './crc32c-tables.ts';

/** Polynomials have their bits reversed: the highest bit is the coefficient of 1. */
const ONE = 0x80000000 | 0;
const X = 0x40000000;

/** x to the power of 8, 16, 32 …: of one byte, two, four …. */
const powers = new Int32Array(32);
powers[0] = square(square(square(X)));
for (let index = 1; index < powers.length; index++) powers[index] = square(powers[index - 1]!);

/** The CRC of bytes whose CRC is `first`, followed by `secondBytes` bytes whose CRC is `second`; `secondBytes` is below 2^31. */
export function combineCrc32c(first: number, second: number, secondBytes: number): number {
  let factor = ONE;
  for (let index = 0, left = secondBytes; left > 0; index++, left >>>= 1) {
    if (left & 1) factor = multiply(powers[index]!, factor);
  }
  return (multiply(factor, first) ^ second) >>> 0;
}

function square(a: number): number {
  return multiply(a, a);
}

/** The product of two polynomials modulo the CRC's. */
function multiply(a: number, b: number): number {
  let product = 0;
  let rest = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= rest;
    rest = (rest >>> 1) ^ (rest & 1 ? POLYNOMIAL : 0);
  }
  return product;
}
