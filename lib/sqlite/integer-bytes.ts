/** Two's complement of an integer, big-endian, as short as it can be: 0 and -1 take one byte, an offset at most nine. */
export function encodeInteger(value: bigint): Uint8Array {
  if (value >= -0x8000_0000n && value < 0x8000_0000n) return encodeSmall(Number(value));
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 8n) {
    const byte = Number(BigInt.asUintN(8, rest));
    bytes.push(byte);
    const sign = byte & 0x80 ? -1n : 0n;
    if (rest >> 8n === sign) return Uint8Array.from(bytes.reverse());
  }
}

/** As `encodeInteger`, for 32 bits: most attributes are small, and arithmetic on numbers is many times faster. */
function encodeSmall(value: number): Uint8Array {
  if (value >= -0x80 && value < 0x80) return Uint8Array.of(value);
  if (value >= -0x8000 && value < 0x8000) return Uint8Array.of(value >> 8, value);
  if (value >= -0x80_0000 && value < 0x80_0000) return Uint8Array.of(value >> 16, value >> 8, value);
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}

/** The integer of such bytes. Any bytes are one; none at all are zero. */
export function decodeInteger(bytes: Uint8Array): bigint {
  if (bytes.length <= 4) {
    let value = (bytes[0] ?? 0) & 0x80 ? -1 : 0;
    for (const byte of bytes) value = (value << 8) | byte;
    return BigInt(value);
  }
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}
