import { describe, expect, it } from 'vitest';
import { mayRemoveChunk, putChunkTransition, replaceChunkTransition } from '../../lib/log/chunk-transitions.ts';
import { chunkAt, entryNumbered, idNumbered } from './contract/fresh.ts';

const chunk = chunkAt(10n, { version: 3 });

describe('putting a chunk', () => {
  it('is done where there is none', () => {
    expect(putChunkTransition(undefined, chunk)).toEqual({ outcome: 'done', item: chunk });
  });

  it('is refused by the one that is there, even by the same', () => {
    const other = chunkAt(10n, { end: 99n });
    expect(putChunkTransition(other, chunk)).toEqual({ outcome: 'refused', item: other });
    expect(putChunkTransition(chunk, chunk)).toEqual({ outcome: 'refused', item: chunk });
  });
});

describe('replacing a chunk', () => {
  const reference = entryNumbered(70);
  const args = { version: 3, end: 20n, reference };

  it('puts a reference in the place of the entries, makes it level 1 and counts the change; the rest stays', () => {
    const item = { ...chunk, entries: [reference], level: 1, version: 4 };
    expect(replaceChunkTransition(chunk, args)).toEqual({ outcome: 'done', item });
  });

  it('needs the version and the end that were read, and a chunk', () => {
    expect(replaceChunkTransition(chunk, { ...args, version: 2 })).toEqual({ outcome: 'refused', item: chunk });
    expect(replaceChunkTransition(chunk, { ...args, version: 4 })).toEqual({ outcome: 'refused', item: chunk });
    expect(replaceChunkTransition(chunk, { ...args, end: 21n })).toEqual({ outcome: 'refused', item: chunk });
    expect(replaceChunkTransition(undefined, args)).toEqual({ outcome: 'refused', item: undefined });
  });
});

describe('removing a chunk', () => {
  const args = { endAtMost: 20n, maxIdAtMost: idNumbered(9) };

  it('needs the log to start behind it', () => {
    expect(mayRemoveChunk(chunk, args)).toBe(true);
    expect(mayRemoveChunk(chunk, { ...args, endAtMost: 19n })).toBe(false);
  });

  it('needs the floor at or above its ids: floor before forgetting', () => {
    expect(mayRemoveChunk(chunk, { ...args, maxIdAtMost: idNumbered(10) })).toBe(true);
    expect(mayRemoveChunk(chunk, { ...args, maxIdAtMost: idNumbered(8) })).toBe(false);
  });
});
