import { describe, expect, it } from 'vitest';
import type { LocatedEntry } from '../../lib/log/locate.ts';
import { openEntry } from '../../lib/log/open-entry.ts';
import { batchOf, idAt, valuesIn } from './log-stage.ts';

const SOURCE = 'shared/0/some/object';

function located(bytes: Uint8Array, changes: Partial<LocatedEntry> = {}): LocatedEntry {
  const base = { id: idAt(1), recordCount: 3, maxTimestampMs: 0n, producer: null };
  const entry = { kind: 'reference', ...base, position: 8, lengthBytes: bytes.length } as const;
  return { entry, baseOffset: 10n, endOffset: 13n, level: 0, hot: true, ...changes };
}

const level0 = () => Buffer.concat([batchOf(['a', 'b'], [], { baseOffset: 77n }), batchOf(['c'])]);
const level1 = () =>
  Buffer.concat([batchOf(['a', 'b'], [], { baseOffset: 10n }), batchOf(['c'], [], { baseOffset: 12n })]);
const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT', value: SOURCE });
const open = (entry: LocatedEntry, bytes: Uint8Array) => openEntry(entry, bytes, () => SOURCE);

describe('an entry of level 0', () => {
  it('gets its offsets while it is read', () => {
    const batches = open(located(level0()), level0());
    expect(valuesIn(batches.map(({ bytes }) => bytes))).toEqual(['10:a', '11:b', '12:c']);
    expect(batches.map(({ baseOffset, endOffset }) => [baseOffset, endOffset])).toEqual([
      [10n, 12n],
      [12n, 13n],
    ]);
  });

  it('is refused when any bit under its checksum is wrong', () => {
    const bytes = batchOf(['a', 'b', 'c']);
    for (let position = 17; position < bytes.length; position++) {
      const damaged = bytes.slice();
      damaged[position]! ^= 1 << (position % 8);
      expect(() => open(located(bytes), damaged), `byte ${position}`).toThrow(corrupt);
    }
  });

  it('is refused, by object and position, when it is cut, longer, or of another count', () => {
    const bytes = level0();
    expect(() => open(located(bytes), bytes.subarray(0, bytes.length - 3))).toThrow(corrupt);
    expect(() => open(located(bytes), batchOf(['a', 'b']))).toThrow(corrupt);
    expect(() => open(located(bytes), new Uint8Array())).toThrow(corrupt);
    expect(() => open(located(bytes), Buffer.concat([bytes, batchOf(['d'])]))).toThrow(corrupt);
    expect(() => open(located(bytes, { endOffset: 14n }), bytes)).toThrow(corrupt);
    expect(() => open(located(bytes), bytes.subarray(0, 20))).toThrow(`bytes 8+${bytes.length} of ${SOURCE}`);
  });
});

describe('an entry of level 1', () => {
  it('keeps the offsets that it carries', () => {
    const batches = open(located(level1(), { level: 1 }), level1());
    expect(valuesIn(batches.map(({ bytes }) => bytes))).toEqual(['10:a', '11:b', '12:c']);
  });

  it('may have gaps, where compaction removed records', () => {
    const thin = batchOf(['c'], [], { baseOffset: 12n });
    expect(open(located(thin, { level: 1, endOffset: 20n }), thin)).toMatchObject([
      { baseOffset: 12n, endOffset: 13n },
    ]);
  });

  /** An object that was cut between two batches read as a shorter one: its last records were skipped in silence. */
  it('is refused when the object was cut between two batches, or before the first', () => {
    const bytes = level1();
    const first = batchOf(['a', 'b']).length;
    expect(() => open(located(bytes, { level: 1 }), bytes.subarray(0, first))).toThrow(corrupt);
    expect(() => open(located(bytes, { level: 1 }), new Uint8Array())).toThrow(corrupt);
  });

  it('is refused when its offsets are not those of its place, or do not ascend', () => {
    const below = batchOf(['a'], [], { baseOffset: 9n });
    expect(() => open(located(below, { level: 1 }), below)).toThrow(corrupt);
    const above = batchOf(['a'], [], { baseOffset: 13n });
    expect(() => open(located(above, { level: 1 }), above)).toThrow(corrupt);
    const twice = Buffer.concat([batchOf(['a'], [], { baseOffset: 10n }), batchOf(['b'], [], { baseOffset: 10n })]);
    expect(() => open(located(twice, { level: 1 }), twice)).toThrow(corrupt);
  });
});
