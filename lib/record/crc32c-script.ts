import { crc32cTables } from './crc32c-tables.ts';

/** Updates a CRC register (neither inverted before nor after) with some bytes. */
export type CrcUpdate = (register: number, bytes: Uint8Array) => number;

/**
 * CRC-32C in plain JavaScript, for run times without WebAssembly (`node --jitless`): about two thirds of its speed.
 *
 * It reads words through an `Int32Array`, hence assumes a little-endian machine, as every platform of Node 24 that Millrace names is;
 * on others it takes single bytes.
 */
export function crc32cScript(): CrcUpdate {
  const table = crc32cTables();
  const littleEndian = new Uint8Array(new Int32Array([1]).buffer)[0] === 1;

  const byBytes = (register: number, bytes: Uint8Array, from: number, to: number): number => {
    let crc = register;
    for (let position = from; position < to; position++) crc = (crc >>> 8) ^ table[(crc ^ bytes[position]!) & 0xff]!;
    return crc;
  };

  const byWords = (register: number, words: Int32Array, count: number): number => {
    let crc = register;
    for (let index = 0; index < count; index += 4) {
      const a = crc ^ words[index]!;
      const b = words[index + 1]!;
      const c = words[index + 2]!;
      const d = words[index + 3]!;
      // Only the first word waits for the step before: its entries come last.
      crc =
        table[2816 + (b & 0xff)]! ^
        table[2560 + ((b >>> 8) & 0xff)]! ^
        table[2304 + ((b >>> 16) & 0xff)]! ^
        table[2048 + (b >>> 24)]! ^
        table[1792 + (c & 0xff)]! ^
        table[1536 + ((c >>> 8) & 0xff)]! ^
        table[1280 + ((c >>> 16) & 0xff)]! ^
        table[1024 + (c >>> 24)]! ^
        table[768 + (d & 0xff)]! ^
        table[512 + ((d >>> 8) & 0xff)]! ^
        table[256 + ((d >>> 16) & 0xff)]! ^
        table[d >>> 24]! ^
        table[3840 + (a & 0xff)]! ^
        table[3584 + ((a >>> 8) & 0xff)]! ^
        table[3328 + ((a >>> 16) & 0xff)]! ^
        table[3072 + (a >>> 24)]!;
    }
    return crc;
  };

  return (register, bytes) => {
    const unaligned = littleEndian ? Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length) : bytes.length;
    let crc = byBytes(register, bytes, 0, unaligned);
    const wordCount = ((bytes.length - unaligned) >>> 4) * 4;
    if (wordCount > 0) {
      const words = new Int32Array(bytes.buffer, bytes.byteOffset + unaligned, wordCount);
      crc = byWords(crc, words, wordCount);
    }
    return byBytes(crc, bytes, unaligned + wordCount * 4, bytes.length);
  };
}
