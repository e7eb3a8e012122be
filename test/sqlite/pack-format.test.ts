import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { beginsAsPack, packedObjects, packHeader } from '../../lib/sqlite/pack-format.ts';
import { packOfFileName, packPath } from '../../lib/sqlite/pack-path.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();

function inPack<T>(bytes: Uint8Array, body: (descriptor: number) => T): T {
  const file = path.join(temporaryDirectory(), 'pack');
  writeFileSync(file, bytes);
  const descriptor = openSync(file, 'r');
  try {
    return body(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const objectsIn = (bytes: Uint8Array) => inPack(bytes, (descriptor) => [...packedObjects(descriptor)]);
const longest = 'ü'.repeat(512);
const two = Buffer.concat([packHeader('a/b', 4), Buffer.from('four'), packHeader(longest, 0)]);

describe('a pack', () => {
  it('has the bytes that its format says', () => {
    const header = Buffer.from(packHeader('a/ü', 258));
    expect(header.subarray(0, 15).toString('hex')).toBe('4d4c504b01000400000102612fc3bc');
    expect(header).toHaveLength(19);
    // CRC-32C of the fifteen bytes before it.
    expect(header.readUInt32BE(15)).toBe(crc32cBitwise(header.subarray(0, 15)));
  });

  it('tells its objects, empty ones and the longest keys too', () => {
    expect(objectsIn(two)).toEqual([
      { key: 'a/b', position: 18, sizeBytes: 4 },
      { key: longest, position: two.length, sizeBytes: 0 },
    ]);
    expect(objectsIn(new Uint8Array(0))).toEqual([]);
  });

  it('tells what is whole, wherever it was cut', () => {
    for (let length = 0; length <= two.length; length++) {
      const expected = length < 22 ? 0 : length < two.length ? 1 : 2;
      expect(objectsIn(two.subarray(0, length))).toHaveLength(expected);
    }
  });

  it('ends where a header is damaged in any of its bytes', () => {
    for (let at = 0; at < two.length; at++) {
      if (at >= 18 && at < 22) continue;
      const damaged = Buffer.from(two);
      damaged[at]! ^= 0x10;
      expect(objectsIn(damaged)).toHaveLength(at < 18 ? 0 : 1);
    }
  });

  it('is known by how it begins; one that is torn there is one', () => {
    const long = Buffer.concat([two, new Uint8Array(2000)]);
    expect(inPack(long, beginsAsPack)).toBe(true);
    expect(inPack(long.subarray(0, 5), beginsAsPack)).toBe(true);
    expect(inPack(long.subarray(1), beginsAsPack)).toBe(false);
  });

  it('has a file named by its number', () => {
    expect(path.basename(packPath('d', 7))).toBe('0000000007.pack');
    for (const pack of [1, 9_999_999_999, 10_000_000_000, Number.MAX_SAFE_INTEGER]) {
      expect(packOfFileName(path.basename(packPath('d', pack)))).toBe(pack);
    }
    for (const name of ['1.pack', '0000000001.pack.tmp', 'x0000000001.pack', '.DS_Store']) {
      expect(packOfFileName(name)).toBeNull();
    }
  });
});

/** As RFC 3720, B.4 has it, one bit after another. */
function crc32cBitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
