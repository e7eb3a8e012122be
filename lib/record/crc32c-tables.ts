/** CRC-32C's polynomial (Castagnoli, RFC 3720 appendix B.4), bits reversed. */
export const POLYNOMIAL = 0x82f63b78;

/** How many bytes one step takes: one table of 256 entries for each. */
export const CRC_SLICES = 16;

/**
 * The tables of a CRC-32C that takes sixteen bytes a step ("slice-by-16"), back to back, 16 KiB.
 *
 * Entry `256 * n + b` is the remainder of byte `b` followed by `n` zero bytes.
 */
export function crc32cTables(): Int32Array<ArrayBuffer> {
  const tables = new Int32Array(256 * CRC_SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
    tables[byte] = remainder;
  }
  for (let index = 256; index < tables.length; index++) {
    const before = tables[index - 256]!;
    tables[index] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}
