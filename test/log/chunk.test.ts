import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chunk, chunkBase, chunkFromItem, chunkKey, chunkSk, chunkToItem } from '../../lib/log/chunk.ts';
import { entryNumbered, idNumbered } from './contract/fresh.ts';

const chunk: Chunk = {
  base: 2n ** 53n + 1n,
  end: 2n ** 53n + 12n,
  count: 2,
  minId: idNumbered(3),
  maxId: idNumbered(4),
  maxTimestampMs: -1n,
  runMaxTimestampMs: 6n,
  runMaxTimestampOffset: 7n,
  level: 0,
  version: 8,
  entries: [entryNumbered(3), entryNumbered(4)],
};

describe('a chunk', () => {
  it('is stored beside its head, under its base in twenty digits', () => {
    const key = chunkKey({ topicId: 'id', partition: 3 }, 42n);
    expect(key).toEqual({ pk: 'P#id#3', sk: 'C#00000000000000000042' });
  });

  it('has a sort key that sorts as its base does and gives the base back', () => {
    const offsets = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(offsets, offsets, (a, b) => {
        expect(chunkSk(a) < chunkSk(b)).toBe(a < b);
        expect(chunkBase(chunkSk(a))).toBe(a);
      }),
    );
    expect(chunkSk(2n ** 63n - 1n)).toHaveLength(22);
  });

  it('comes back from its item with every field', () => {
    expect(chunkFromItem(chunkSk(chunk.base), chunkToItem(chunk))).toEqual(chunk);
    const compacted = { ...chunk, level: 1, entries: [entryNumbered(9)] } as const;
    expect(chunkFromItem(chunkSk(chunk.base), chunkToItem(compacted))).toEqual(compacted);
    expect(Object.keys(chunkToItem(chunk))).toHaveLength(Object.keys(chunk).length - 1);
  });

  it('is damaged when any attribute is absent or of another kind', () => {
    const item = chunkToItem(chunk);
    for (const name of Object.keys(item)) {
      const { [name]: _, ...without } = item;
      const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT' });
      expect(() => chunkFromItem(chunkSk(0n), without)).toThrow(corrupt);
      expect(() => chunkFromItem(chunkSk(0n), { ...item, [name]: 'text' })).toThrow(corrupt);
    }
  });
});
