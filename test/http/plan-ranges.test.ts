import { describe, expect, it } from 'vitest';
import { planRanges } from '../../lib/http/plan-ranges.ts';
import type { StoredEntry } from '../../lib/log/fetcher.ts';
import { idNumbered } from '../log/contract/fresh.ts';

interface Piece {
  readonly key?: string;
  readonly position?: number;
  readonly inlineBytes?: number;
  readonly baseOffset: bigint;
  readonly endOffset?: bigint;
}

/** Entries of ten offsets and a hundred bytes each, of level 1 where they are references. */
const entriesOf = (pieces: readonly Piece[]) =>
  pieces.map(({ key = 'a', position = 0, inlineBytes, baseOffset, endOffset = baseOffset + 10n }): StoredEntry => {
    const base = { id: idNumbered(1), recordCount: 10, maxTimestampMs: 0n, producer: null };
    const entry =
      inlineBytes === undefined
        ? ({ kind: 'reference', ...base, position, lengthBytes: 100 } as const)
        : ({ kind: 'inline', ...base, batches: new Uint8Array(inlineBytes) } as const);
    return { entry, key, baseOffset, endOffset, level: inlineBytes === undefined ? 1 : 0, hot: false };
  });

describe('ranges of an answer', () => {
  it('are one where entries stand back to back in one object, in bytes and in offsets', () => {
    const entries = entriesOf([
      { position: 50, baseOffset: 0n },
      { position: 150, baseOffset: 10n },
      { position: 250, baseOffset: 20n },
    ]);
    expect(planRanges(entries, 1e6)).toEqual([
      { kind: 'object', key: 'a', position: 50, lengthBytes: 300, baseOffset: 0n, endOffset: 30n, stamped: true },
    ]);
  });

  it.each<[string, Piece]>([
    ['bytes of others', { position: 101, baseOffset: 10n }],
    ['another object', { key: 'b', position: 100, baseOffset: 10n }],
    ['other offsets', { position: 100, baseOffset: 11n }],
    ['inline batches', { inlineBytes: 5, baseOffset: 10n }],
  ])('are two where %s are between them', (_, second) => {
    expect(planRanges(entriesOf([{ baseOffset: 0n }, second]), 1e6)).toHaveLength(2);
  });

  it('are no more than fit into the answer, and one in any case', () => {
    const inline = entriesOf([0n, 10n, 20n, 30n].map((baseOffset) => ({ inlineBytes: 48_000, baseOffset })));
    expect(planRanges(inline, 150_000).map(({ endOffset }) => endOffset)).toEqual([10n, 20n]);
    expect(planRanges(inline, 1)).toHaveLength(1);
    expect(planRanges([], 1)).toEqual([]);
  });
});
