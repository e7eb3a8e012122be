/**
 * Damaged and hostile bytes: every case must give a right decode or a typed error. Cases come from a seeded generator, so a failure names
 * the number that repeats it; in most of them the CRC is made right again, so that what lies behind it is reached.
 */
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { type CompressionType, compress, compressionTypes, decompress } from '../../lib/record/compression.ts';
import { decodeBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import type { RecordData } from '../../lib/record/record.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';

const CODES = new Set(['CORRUPT_MESSAGE', 'UNSUPPORTED_FORMAT', 'UNSUPPORTED_COMPRESSION_TYPE', 'MESSAGE_TOO_LARGE']);
const MAX_BYTES = 1024 * 1024;

/** xorshift32: the case's number is the seed. */
function generator(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const EXTREMES = [
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0, 0, 0],
  [0, 0, 0, 0],
  [0xfe, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
  [0x01],
  [0xff],
];

/** One or several damages from `from` on; may change the length. */
function damage(bytes: Uint8Array, from: number, random: (below: number) => number): Uint8Array {
  let result = bytes.slice();
  for (let count = 1 + random(3); count > 0; count--) {
    const at = from + random(Math.max(result.length - from, 1));
    switch (random(6)) {
      case 0:
      case 1:
        if (at < result.length) result[at]! ^= 1 << random(8);
        break;
      case 2:
        result = result.slice(0, at);
        break;
      case 3:
        result.set(
          EXTREMES[random(EXTREMES.length)]!.slice(0, Math.max(result.length - at, 0)),
          Math.min(at, result.length),
        );
        break;
      case 4: {
        // A piece of the bytes themselves in a wrong place keeps more structure than noise does.
        const start = random(result.length + 1);
        result = Uint8Array.from([
          ...result.subarray(0, at),
          ...result.subarray(start, start + random(12)),
          ...result.subarray(at),
        ]);
        break;
      }
      default:
        for (let index = at; index < Math.min(at + random(8), result.length); index++) result[index] = random(256);
    }
  }
  return result;
}

function setSize(bytes: Uint8Array): void {
  if (bytes.length >= 12) new DataView(bytes.buffer, bytes.byteOffset).setInt32(8, bytes.length - 12);
}

/** The error of a call that must succeed or fail by name. */
function failure(seed: number, run: () => void): MillraceError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof MillraceError && CODES.has(error.code)) return error;
    throw new Error(`case ${seed} gave no typed error`, { cause: error });
  }
}

const records: RecordData[] = Array.from({ length: 12 }, (_, index) => ({
  key: index % 3 === 0 ? null : Buffer.from(`key-${index % 5}`),
  value: index % 5 === 0 ? null : Buffer.from(`{"number":${index},"text":"${'order '.repeat(index)}"}`),
  headers:
    index % 4 === 0
      ? [
          { key: 'event', value: Buffer.from('push') },
          { key: 'é', value: null },
        ]
      : [],
  timestampMs: 1_700_000_000_000n + BigInt(index * index * 1000),
}));

function readAll(bytes: Uint8Array): number {
  let total = 0;
  for (const record of decodeBatch(bytes, { maxDecompressedBytes: MAX_BYTES })) {
    total += (record.key?.length ?? 0) + (record.value?.length ?? 0) + record.headers.length;
    if (BigInt.asIntN(64, record.timestampMs) !== record.timestampMs)
      throw new RangeError('a timestamp beyond 64 bits');
  }
  return total;
}

describe.each(compressionTypes)('a damaged batch with compression %s', (compression) => {
  const intact = encodeBatch(records, { compression });

  it('is read or refused by name, 16,000 times, its CRC made right again', () => {
    let refused = 0;
    for (let seed = 0; seed < 16_000; seed++) {
      const random = generator(seed);
      const bytes = damage(intact, random(3) === 0 ? 16 : 61, random);
      if (random(8) > 0) setSize(bytes);
      if (bytes.length > 21) sealBatch(bytes);
      if (failure(seed, () => readAll(bytes)) !== undefined) refused++;
    }
    expect(refused).toBeGreaterThan(8_000);
  });

  it('is refused by its CRC, 4,000 times, whatever was damaged', () => {
    const same = readAll(intact);
    for (let seed = 0; seed < 4_000; seed++) {
      const bytes = damage(intact, 16, generator(seed));
      const changed = Buffer.compare(bytes, intact) !== 0;
      const error = failure(seed, () => expect(readAll(bytes)).toBe(same));
      if (changed !== (error !== undefined)) throw new Error(`case ${seed}: changed is ${changed}, the error ${error}`);
    }
  });
});

describe.each(compressionTypes.filter((type) => type !== 'none'))('damaged %s data', (type: CompressionType) => {
  const content = Buffer.from(
    Array.from({ length: 300 }, (_, index) => `"event":"order ${index % 7}", number ${index};`).join(''),
  );
  const intact = compress(type, content);

  it('is decompressed within the bound or refused by name, 8,000 times', () => {
    for (let seed = 0; seed < 8_000; seed++) {
      const random = generator(seed);
      const bytes = damage(intact, 0, random);
      const maxBytes = random(2) === 0 ? MAX_BYTES : random(content.length);
      failure(seed, () => {
        const result = decompress(type, bytes, maxBytes);
        if (result.length > maxBytes) throw new RangeError('more than the bound');
        if (result.buffer.byteLength > 2 * maxBytes + 64 * 1024)
          throw new RangeError('holds more than twice the bound');
      });
    }
  });
});

describe('bytes without any sense', () => {
  it('are refused by name, 10,000 times', () => {
    for (let seed = 0; seed < 10_000; seed++) {
      const random = generator(seed);
      const bytes = Uint8Array.from({ length: random(200) }, () => random(256));
      if (bytes.length > 61) {
        bytes[16] = 2;
        setSize(bytes);
        sealBatch(bytes);
      }
      failure(seed, () => readAll(bytes));
      failure(seed, () => {
        for (const batch of splitBatches(bytes)) readAll(batch.bytes);
      });
    }
  });
});
