import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import {
  decodeEntry,
  type Entry,
  encodeEntry,
  entryId,
  entryRecordCount,
  type ReferenceEntry,
  sameEntry,
} from '../../lib/log/entry.ts';
import { decodeId, encodeId } from '../../lib/segment/segment-id.ts';

const ids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => decodeId(bytes));
const base = {
  id: ids,
  recordCount: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  maxTimestampMs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  producer: fc.option(
    fc.record({
      producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      producerEpoch: fc.integer({ min: -1, max: 2 ** 15 - 1 }),
      baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    }),
  ),
};
const places = fc.integer({ min: 1, max: limits.segmentBytes }).chain((lengthBytes) =>
  fc.record({
    lengthBytes: fc.constant(lengthBytes),
    position: fc.integer({ min: 0, max: limits.segmentBytes - lengthBytes }),
  }),
);
const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(fc.record(base), places).map(([fields, place]): Entry => ({ kind: 'reference', ...fields, ...place })),
  fc
    .tuple(fc.record(base), fc.uint8Array({ maxLength: 200 }))
    .map(([fields, batches]): Entry => ({ kind: 'inline', ...fields, batches })),
);

const reference: ReferenceEntry = {
  kind: 'reference',
  id: decodeId(Uint8Array.from({ length: 16 }, (_, index) => index + 1)),
  recordCount: 0x01020304,
  maxTimestampMs: 0x0102030405060708n,
  producer: null,
  position: 0x00a0b0c0,
  lengthBytes: 0x0000d0e0,
};
const producer = { producerId: 0x1112131415161718n, producerEpoch: 0x2122, baseSequence: 0x31323334 };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const FIXED = '0102030405060708090a0b0c0d0e0f10' + '01020304' + '0102030405060708';

describe('an entry', () => {
  it('is not written with more records than it can tell', () => {
    const tooMany = () => encodeEntry({ ...reference, recordCount: 2 ** 32 });
    expect(tooMany).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }));
  });

  it('has the bytes of the table when it is a reference', () => {
    expect(hex(encodeEntry(reference))).toBe(`01${FIXED}00a0b0c00000d0e0`);
    expect(encodeEntry(reference)).toHaveLength(37);
  });

  it('has the bytes of the table when it has a producer', () => {
    const bytes = encodeEntry({ ...reference, producer });
    expect(hex(bytes)).toBe(`11${FIXED}1112131415161718${'2122'}3132333400a0b0c00000d0e0`);
    expect(bytes).toHaveLength(51);
  });

  it('has the bytes of the table when it is inline', () => {
    const { id, recordCount, maxTimestampMs } = reference;
    const inline = { kind: 'inline', id, recordCount, maxTimestampMs, batches: Uint8Array.of(7, 8) } as const;
    expect(hex(encodeEntry({ ...inline, producer: null }))).toBe(`02${FIXED}0708`);
    expect(hex(encodeEntry({ ...inline, producer }))).toBe(`12${FIXED}1112131415161718${'2122'}313233340708`);
  });

  it('decodes to what was encoded, wherever it stands', () => {
    fc.assert(
      fc.property(entries, fc.nat(20), (entry, before) => {
        const bytes = encodeEntry(entry);
        expect(decodeEntry(bytes)).toEqual(entry);
        const surrounded = new Uint8Array(before + bytes.length + 5);
        surrounded.set(bytes, before);
        const view = surrounded.subarray(before, before + bytes.length);
        expect(decodeEntry(view)).toEqual(entry);
        expect(entryId(view)).toBe(entry.id);
        expect(entryRecordCount(view)).toBe(entry.recordCount);
      }),
    );
  });

  it('is the same as another only when all bytes are', () => {
    const bytes = encodeEntry(reference);
    expect(sameEntry(bytes, bytes.slice())).toBe(true);
    expect(sameEntry(bytes, bytes.subarray(0, -1))).toBe(false);
    for (let at = 0; at < bytes.length; at++) {
      const other = bytes.slice();
      other[at]! ^= 1;
      expect(sameEntry(bytes, other)).toBe(false);
    }
  });
});

describe('a damaged entry', () => {
  const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT', retriable: false });

  it('is refused at every length that is none of a reference', () => {
    for (const entry of [reference, { ...reference, producer }]) {
      const bytes = encodeEntry(entry);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decodeEntry(bytes.subarray(0, length))).toThrow(corrupt);
      }
      expect(() => decodeEntry(Uint8Array.of(...bytes, 0))).toThrow(corrupt);
    }
  });

  it('is refused without its fixed part by whoever looks only at that', () => {
    const short = encodeEntry(reference).subarray(0, 28);
    expect(() => entryId(short)).toThrow(corrupt);
    expect(() => entryRecordCount(short)).toThrow(corrupt);
  });

  it.each([0, 3, 16, 19, 33, 0x81, 0xff])('is refused when its kind is %d', (kind) => {
    const bytes = encodeEntry(reference);
    bytes[0] = kind;
    expect(() => decodeEntry(bytes)).toThrow(corrupt);
  });

  it('is refused when it has no records', () => {
    expect(() => decodeEntry(encodeEntry({ ...reference, recordCount: 0 }))).toThrow(corrupt);
  });

  it('is refused when it names no bytes, or bytes beyond any segment', () => {
    const at = (position: number, lengthBytes: number) => () =>
      decodeEntry(encodeEntry({ ...reference, position, lengthBytes }));
    expect(at(0, 0)).toThrow(corrupt);
    expect(at(1, limits.segmentBytes)).toThrow(corrupt);
    expect(at(2 ** 32 - 1, 2 ** 32 - 1)).toThrow(corrupt);
    expect(at(0, limits.segmentBytes)()).toMatchObject({ lengthBytes: limits.segmentBytes });
  });

  it('is a typed error or an entry, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          expect(hex(encodeEntry(decodeEntry(bytes)))).toBe(hex(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError);
          expect(error).toEqual(corrupt);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('shows its first bytes only, however large it is', () => {
    const bytes = new Uint8Array(100_000);
    try {
      decodeEntry(bytes);
      expect.unreachable();
    } catch (error) {
      expect((error as MillraceError).value).toBe('00'.repeat(64));
    }
  });

  it('knows ids by their bytes', () => {
    expect(hex(encodeId(entryId(encodeEntry(reference))))).toBe(FIXED.slice(0, 32));
  });
});
