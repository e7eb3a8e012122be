import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../../lib/log/entry.ts';
import { NextRegions } from '../../../lib/maintenance/rebuild/next-regions.ts';
import {
  compareRegions,
  cutGap,
  type FoundRegion,
  GAP_CHUNK_MOST,
  type OldChunk,
  oldChunk,
  planPieces,
  safeHighWatermark,
} from '../../../lib/maintenance/rebuild/rebuild-plan.ts';
import { idAt, START_MS } from '../../log/log-stage.ts';

const DAY_MS = 86_400_000;

const region = (base: number, end: number, changes: Partial<FoundRegion> = {}): FoundRegion => ({
  topicId: '00000000-0000-4000-8000-00000000000a',
  partition: 0,
  position: 8,
  length: 100,
  batchCount: 1,
  recordCount: end - base,
  minTimestampMs: 0n,
  maxTimestampMs: 0n,
  crc: 0,
  baseOffset: BigInt(base),
  lastOffset: BigInt(end - 1),
  chunkVersion: 0,
  id: idAt(1),
  ...changes,
});
const plan = (regions: readonly FoundRegion[], place: bigint | null = null) =>
  planPieces(regions.toSorted(compareRegions), place);
const shown = (regions: readonly FoundRegion[], place: bigint | null = null) =>
  plan(regions, place).pieces.map(({ kind, base, end }) => `${kind} ${base}-${end}`);

describe('what is made again of regions', () => {
  it('is each chunk, and each gap between two', () => {
    expect(shown([region(10, 20), region(20, 25), region(30, 40)])).toEqual([
      'region 10-20',
      'region 20-25',
      'gap 25-30',
      'region 30-40',
    ]);
    expect(shown([])).toEqual([]);
  });

  it('goes on where the regions before ended', () => {
    expect(shown([region(30, 40)], 25n)).toEqual(['gap 25-30', 'region 30-40']);
    expect(shown([region(25, 40)], 25n)).toEqual(['region 25-40']);
  });

  it('is the version of a chunk that came last', () => {
    const versions = [
      region(0, 10, { chunkVersion: 0, id: idAt(9) }),
      region(0, 10, { chunkVersion: 2, recordCount: 3, id: idAt(5) }),
      region(0, 10, { chunkVersion: 1, recordCount: 5, id: idAt(7) }),
    ];
    const [piece] = plan(versions).pieces;
    expect(piece).toMatchObject({ region: { chunkVersion: 2, id: idAt(5) } });
  });

  it('is, of two that replace one version, the one that knew more of what came later', () => {
    const two = [
      region(0, 10, { chunkVersion: 1, recordCount: 5, id: idAt(9) }),
      region(0, 10, { chunkVersion: 1, recordCount: 4, id: idAt(5) }),
    ];
    expect(plan(two).pieces).toMatchObject([{ region: { recordCount: 4 } }]);
  });

  it('is nothing of a chunk that has lost all its records, even where an older version has some', () => {
    const regions = [
      region(0, 10),
      region(10, 20, { chunkVersion: 1, recordCount: 0 }),
      region(10, 20, { chunkVersion: 0 }),
      region(20, 30),
    ];
    expect(shown(regions)).toEqual(['region 0-10', 'gap 10-20', 'region 20-30']);
  });

  it('leaves out what overlaps another chunk, and tells it', () => {
    const { pieces, overlapping } = plan([region(0, 10), region(5, 15), region(10, 12)]);
    expect(pieces.map(({ base, end }) => [base, end])).toEqual([
      [0n, 10n],
      [10n, 12n],
    ]);
    expect(overlapping).toMatchObject([{ baseOffset: 5n }]);
  });

  it('tiles, whatever there is', () => {
    const any = fc.record({
      base: fc.nat(50),
      count: fc.integer({ min: 1, max: 20 }),
      version: fc.nat(3),
      isEmpty: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), (given) => {
        const regions = given.map(({ base, count, version, isEmpty }, index) =>
          region(base, base + count, {
            chunkVersion: version,
            id: idAt(index),
            ...(isEmpty && { recordCount: 0 }),
          }),
        );
        const { pieces, overlapping } = plan(regions);
        for (const [index, piece] of pieces.entries()) {
          expect(piece.end).toBeGreaterThan(piece.base);
          if (index > 0) expect(piece.base).toBe(pieces[index - 1]!.end);
          if (piece.kind === 'gap') expect(pieces[index - 1]?.kind).toBe('region');
          if (piece.kind === 'region') expect(piece.region.recordCount).toBeGreaterThan(0);
        }
        expect(pieces[0]?.kind).not.toBe('gap');
        expect(pieces.at(-1)?.kind).not.toBe('gap');
        expect(overlapping.length + pieces.length).toBeLessThanOrEqual(2 * regions.length);
      }),
    );
  });
});

describe('what is made again of regions and older tables', () => {
  const entry = (id: number, recordCount: number) =>
    encodeEntry({
      ...{ kind: 'reference', id: idAt(id), recordCount, maxTimestampMs: 1n, producer: null, position: 8 },
      lengthBytes: 100,
    });
  const level0 = (base: number, counts: readonly number[]) => {
    const end = BigInt(base + counts.reduce((sum, count) => sum + count, 0));
    const entries = counts.map((count, index) => entry(100 + base + index, count));
    return oldChunk({ base: BigInt(base), end, level: 0, version: 0, entries }).chunk;
  };
  const level1 = (base: number, end: number, version: number, id: number) =>
    oldChunk({ base: BigInt(base), end: BigInt(end), level: 1, version, entries: [entry(id, end - base)] }).chunk;
  const both = (regions: readonly FoundRegion[], old: readonly OldChunk[]) =>
    planPieces(regions.toSorted(compareRegions), null, old).pieces.map(
      ({ kind, base, end }) => `${kind} ${base}-${end}`,
    );

  it('is what tables had where nothing was compacted since, entries of a chunk together', () => {
    expect(both([region(0, 10)], [level1(0, 10, 1, 1), level0(10, [2, 3]), level0(15, [1])])).toEqual([
      'region 0-10',
      'entries 10-15',
      'entries 15-16',
    ]);
  });

  it('is what was compacted since in the place of what tables had, up to the entry where that begins', () => {
    const tail = level0(10, [2, 3, 1, 4]);
    expect(both([region(0, 10), region(15, 30)], [tail])).toEqual(['region 0-10', 'entries 10-15', 'region 15-30']);
    expect(both([region(0, 10), region(10, 40)], [tail])).toEqual(['region 0-10', 'region 10-40']);
  });

  it('is a gap where an entry has lost its object, and where all of a chunk was removed by its keys since', () => {
    const whole = level0(0, [2, 3, 1]);
    const lost = { ...whole, entries: whole.entries.filter(({ base }) => base !== 2n) };
    expect(both([], [lost])).toEqual(['entries 0-2', 'gap 2-5', 'entries 5-6']);
    const emptied = region(6, 9, { recordCount: 0 });
    expect(both([emptied], [lost, level0(6, [3]), level0(9, [1])]).slice(-2)).toEqual(['gap 6-9', 'entries 9-10']);
  });

  it('ends in a chunk of tables where an entry cannot be read, since nobody knows what comes behind it', () => {
    const entries = [entry(1, 2), Uint8Array.of(9), entry(2, 1)];
    const { chunk, damage } = oldChunk({ base: 0n, end: 6n, level: 0, version: 0, entries });
    expect(damage).toMatchObject({ code: 'CORRUPT_OBJECT' });
    expect(both([], [chunk, level0(6, [1])])).toEqual(['entries 0-2', 'gap 2-6', 'entries 6-7']);
  });

  it('is the version that tables named, unless a later one has come', () => {
    const named = region(0, 10, { chunkVersion: 1, recordCount: 6, id: idAt(5) });
    const killed = region(0, 10, { chunkVersion: 1, recordCount: 5, id: idAt(6) });
    const later = region(0, 10, { chunkVersion: 2, recordCount: 5, id: idAt(7) });
    const chosen = (regions: readonly FoundRegion[]) =>
      planPieces(regions.toSorted(compareRegions), null, [level1(0, 10, 2, 5)]).pieces;
    expect(chosen([named, killed])).toMatchObject([{ region: { id: idAt(5) } }]);
    expect(chosen([named, killed, later])).toMatchObject([{ region: { id: idAt(7) } }]);
    expect(chosen([killed])).toMatchObject([{ region: { id: idAt(6) } }]);
  });
});

describe('the high watermark of a rebuilt partition', () => {
  const known = { end: 1_000n, endAtMs: START_MS, unplacedRecords: 0, nowMs: START_MS };

  it('is far behind all that is known, and further the longer that is past', () => {
    expect(safeHighWatermark(known)).toBe(1_000n + 2n ** 36n);
    const later = { ...known, nowMs: START_MS + DAY_MS };
    expect(safeHighWatermark(later) - safeHighWatermark(known)).toBe(10n * BigInt(DAY_MS));
  });

  it('is behind all that could not be placed, and the same when a little more of that comes to light', () => {
    expect(safeHighWatermark({ ...known, unplacedRecords: 1_000_000 })).toBe(safeHighWatermark(known));
    const many = 2 ** 40;
    expect(safeHighWatermark({ ...known, unplacedRecords: many })).toBeGreaterThan(BigInt(many) + known.end);
  });

  it('is behind all that any partition can have had where nothing is known, and a number in JSON', () => {
    const nothing = { ...known, end: null };
    expect(safeHighWatermark(nothing)).toBeGreaterThan(2n ** 36n + 1_000n * BigInt(365 * DAY_MS));
    const in30Years = safeHighWatermark({ ...nothing, nowMs: Date.UTC(2056, 0, 1) });
    expect(in30Years).toBeLessThan(2n ** 53n);
    expect(safeHighWatermark({ ...nothing, nowMs: START_MS + 1 })).toBeGreaterThan(safeHighWatermark(nothing));
  });

  it('does not fall for a clock that stands wrong', () => {
    expect(safeHighWatermark({ ...known, nowMs: 0 })).toBe(safeHighWatermark(known));
    expect(safeHighWatermark({ ...known, end: null, nowMs: 0 })).toBe(2n ** 36n);
  });
});

describe('a gap', () => {
  it('is cut into chunks that an entry can count', () => {
    expect(cutGap({ base: 5n, end: 6n })).toEqual([{ base: 5n, end: 6n }]);
    const parts = cutGap({ base: 5n, end: 5n + 2n ** 36n });
    expect(parts).toHaveLength(17);
    for (const [index, { base, end }] of parts.entries()) {
      expect(end - base).toBeLessThanOrEqual(GAP_CHUNK_MOST);
      if (index > 0) expect(base).toBe(parts[index - 1]!.end);
    }
    expect(parts.at(-1)!.end).toBe(5n + 2n ** 36n);
  });
});

describe('the regions that come next', () => {
  it('are all of them, round by round, each once and with its versions, in order', () => {
    const place = fc.record({ partition: fc.nat(3), base: fc.nat(30), version: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 80 }), fc.integer({ min: 1, max: 20 }), (given, most) => {
        const regions = given.map(({ partition, base, version }, index) =>
          region(base, base + 1, { partition, chunkVersion: version, id: idAt(index) }),
        );
        const taken: FoundRegion[] = [];
        let from: NextRegions['next'] = null;
        for (let round = 0; round <= regions.length; round++) {
          const next = new NextRegions(from, most);
          for (const one of regions) next.add(one);
          const some = next.take();
          // No chunk is in two rounds.
          const last = taken.at(-1);
          if (last !== undefined && some[0] !== undefined)
            expect([some[0].partition, some[0].baseOffset]).not.toEqual([last.partition, last.baseOffset]);
          taken.push(...some);
          from = next.next;
          if (from === null) break;
        }
        expect(from).toBeNull();
        expect(taken).toEqual(regions.toSorted(compareRegions));
      }),
    );
  });
});
