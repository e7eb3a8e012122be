import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { emptyHead, type Head, headFromItem, headKey, headToItem } from '../../lib/log/head.ts';
import { itemSizeBytes } from '../../lib/log/item-size.ts';
import { partitionPk } from '../../lib/log/partition-key.ts';
import { entryNumbered, idNumbered } from './contract/fresh.ts';

const partition = { topicId: '6f1c2f0e-6f0e-4d5b-9d1c-0a8f7a3c1d22', partition: 12 };
const head: Head = {
  next: 2n ** 62n,
  start: 3n,
  tailBase: 4n,
  tail: [entryNumbered(1), entryNumbered(2)],
  tailBytes: 74,
  floor: idNumbered(9),
  ring: 1,
  maxTimestampMs: -1n,
  maxTimestampOffset: 7n,
  appended: 2n ** 80n,
  appendedBytes: 11n,
  cleanedEnd: 4n,
  cleanedBytes: 9n,
};

describe('a head', () => {
  it('is stored under its topic id and partition', () => {
    expect(partitionPk(partition)).toBe('P#6f1c2f0e-6f0e-4d5b-9d1c-0a8f7a3c1d22#12');
    expect(headKey(partition)).toEqual({ pk: partitionPk(partition), sk: 'HEAD' });
  });

  it('comes back from its item with every field, each in an attribute of its own', () => {
    expect(headFromItem(headToItem(head))).toEqual(head);
    expect(headFromItem(headToItem({ ...head, ring: 0 })).ring).toBe(0);
    expect(Object.keys(headToItem(head))).toHaveLength(Object.keys(head).length);
  });

  it('is damaged when any attribute is absent or of another kind', () => {
    const item = headToItem(head);
    for (const name of Object.keys(item)) {
      const { [name]: _, ...without } = item;
      const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT' });
      if (name !== 'clean') expect(() => headFromItem(without)).toThrow(corrupt);
      expect(() => headFromItem({ ...item, [name]: 'text' })).toThrow(corrupt);
    }
  });

  it('is empty at first: nothing is in it, and nothing under its floor can be', () => {
    expect(emptyHead(idNumbered(5))).toEqual({
      next: 0n,
      start: 0n,
      tailBase: 0n,
      tail: [],
      tailBytes: 0,
      floor: idNumbered(5),
      ring: 0,
      maxTimestampMs: -1n,
      maxTimestampOffset: -1n,
      appended: 0n,
      appendedBytes: 0n,
      cleanedEnd: 0n,
      cleanedBytes: 0n,
    });
  });

  it('says nothing of key compaction before the first, and is read so', () => {
    const item = headToItem({ ...head, cleanedEnd: 0n, cleanedBytes: 0n });
    expect(Object.keys(item)).not.toContain('clean');
    expect(headFromItem(item)).toEqual({ ...head, cleanedEnd: 0n, cleanedBytes: 0n });
  });

  it('stays below one write unit with a full tail of references, and with all digits of its numbers', () => {
    const long = BigInt('9'.repeat(18));
    const tail = Array.from({ length: limits.tailEntries }, (_, index) => entryNumbered(index));
    const full: Head = {
      ...head,
      tail,
      ...{ next: long, start: long, tailBase: long, appended: BigInt('9'.repeat(30)), appendedBytes: long },
      ...{ maxTimestampMs: 1_764_000_000_123n, maxTimestampOffset: long, tailBytes: 592 },
    };
    expect(itemSizeBytes(headKey({ ...partition, partition: 99_999 }), headToItem(full))).toBeLessThanOrEqual(1024);
  });
});
