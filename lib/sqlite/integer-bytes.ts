/** Two's complement of integers, big-endian, as short as it can be: 0 and -1 take one byte, an offset at most nine. */

const WORD = 2 ** 32;
/** Integers between these are exact as numbers, whose arithmetic is many times faster; most attributes are. */
const EXACT_MAX = BigInt(Number.MAX_SAFE_INTEGER);
/** So many bytes hold no integer beyond those. */
const EXACT_BYTES = 6;

function isExact(value: bigint): boolean {
  return value >= -EXACT_MAX && value <= EXACT_MAX;
}

/** How many bytes an integer takes. */
export function integerBytes(value: bigint): number {
  if (isExact(value)) return exactBytes(Number(value));
  let bytes = 1;
  for (let rest = value; BigInt.asIntN(8, rest) !== rest; rest >>= 8n) bytes += 1;
  return bytes;
}

function exactBytes(value: number): number {
  let bytes = 1;
  for (let limit = 0x80; value >= limit || value < -limit; limit *= 256) bytes += 1;
  return bytes;
}

/** Writes an integer into as many bytes as `integerBytes` tells. */
export function writeInteger(value: bigint, bytes: Uint8Array, position: number, length: number): void {
  if (isExact(value)) {
    const exact = Number(value);
    writeWords(Math.floor(exact / WORD), exact | 0, bytes, position, length);
    return;
  }
  let rest = value;
  for (let index = length - 1; index >= 0; index--, rest >>= 8n) {
    bytes[position + index] = Number(BigInt.asUintN(8, rest));
  }
}

function writeWords(high: number, low: number, bytes: Uint8Array, position: number, length: number): void {
  for (let index = 0; index < length; index++) {
    const shift = 8 * (length - 1 - index);
    bytes[position + index] = shift >= 32 ? high >> (shift - 32) : low >> shift;
  }
}

/** The integer of such bytes. Any bytes are one; none at all are zero. */
export function decodeInteger(bytes: Uint8Array): bigint {
  const { length } = bytes;
  if (length > EXACT_BYTES) {
    return BigInt.asIntN(length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
  }
  let value = (bytes[0] ?? 0) & 0x80 ? -1 : 0;
  for (let index = 0; index < length; index++) value = value * 256 + bytes[index]!;
  return BigInt(value);
}
