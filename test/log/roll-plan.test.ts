import { describe, expect, it } from 'vitest';
import { planChunk, planTrim, shouldRoll } from '../../lib/log/roll-plan.ts';
import { entryAt, idAt } from './log-stage.ts';

const budget = { entries: 16, bytes: 2_048 };
const extent = (entries: number, bytes = 0) => ({ entries, bytes });

describe('who rolls', () => {
  it('is the writer whose commit crosses the budget, by entries or by bytes', () => {
    expect(shouldRoll(extent(14), extent(15), budget)).toBe(false);
    expect(shouldRoll(extent(15), extent(16), budget)).toBe(true);
    expect(shouldRoll(extent(16), extent(17), budget)).toBe(false);
    expect(shouldRoll(extent(1, 2_047), extent(2, 2_048), budget)).toBe(true);
    expect(shouldRoll(extent(1, 2_048), extent(2, 3_000), budget)).toBe(false);
  });

  it('is anybody at twice the budget, in case that one has died', () => {
    expect(shouldRoll(extent(30), extent(31), budget)).toBe(false);
    expect(shouldRoll(extent(31), extent(32), budget)).toBe(true);
    expect(shouldRoll(extent(40), extent(41), budget)).toBe(true);
    expect(shouldRoll(extent(20, 4_000), extent(21, 4_096), budget)).toBe(true);
  });
});

describe('the chunk of a tail', () => {
  const head = {
    tailBase: 10n,
    tail: [entryAt(7, 3), entryAt(9, 2), entryAt(8, 1), entryAt(9, 4)],
    maxTimestampMs: 8n,
    maxTimestampOffset: 4n,
  };

  it('holds the entries in their order, with their ids and extents', () => {
    expect(planChunk(head)).toMatchObject({
      base: 10n,
      end: 20n,
      count: 4,
      minId: idAt(7),
      maxId: idAt(9),
      level: 0,
      version: 0,
      entries: head.tail,
    });
  });

  it('tells its own largest timestamp and that of all before, with the first entry that has it', () => {
    const times = { maxTimestampMs: 9n, runMaxTimestampMs: 9n, runMaxTimestampOffset: 13n };
    expect(planChunk(head)).toMatchObject(times);
    expect(planChunk({ ...head, maxTimestampMs: 9n })).toMatchObject({ ...times, runMaxTimestampOffset: 4n });
    expect(planChunk({ ...head, maxTimestampMs: 12n })).toMatchObject({ maxTimestampMs: 9n, runMaxTimestampMs: 12n });
  });

  it('has a hundred entries at most', () => {
    const tail = Array.from({ length: 130 }, (_, index) => entryAt(index, 2));
    expect(planChunk({ ...head, tail })).toMatchObject({ count: 100, end: 210n, maxId: idAt(99) });
  });

  it('is none for an empty tail', () => {
    expect(planChunk({ ...head, tail: [] })).toBeNull();
  });
});

describe('the trim behind a chunk', () => {
  const head = { tailBase: 10n, tail: [entryAt(7, 3), entryAt(9, 2)], maxTimestampMs: -1n, maxTimestampOffset: -1n };
  const chunk = planChunk(head)!;

  it('takes what the chunk counts', () => {
    const bytes = entryAt(7).length * 2;
    expect(planTrim(head, chunk)).toMatchObject({ base: 10n, end: 15n, count: 2, entriesBytes: bytes });
    expect(planTrim({ ...head, tail: [...head.tail, entryAt(8)] }, chunk)).toMatchObject({ count: 2, end: 15n });
  });

  it('is none when the tail has moved, is shorter, or holds something else', () => {
    expect(planTrim({ ...head, tailBase: 15n }, chunk)).toBeNull();
    expect(planTrim({ ...head, tail: head.tail.slice(0, 1) }, chunk)).toBeNull();
    expect(planTrim({ ...head, tail: [entryAt(7, 3), entryAt(9, 3)] }, chunk)).toBeNull();
  });

  it('counts the tail of a chunk that compaction has replaced', () => {
    const compacted = { ...chunk, level: 1, version: 1, entries: [entryAt(1, 5)] } as const;
    expect(planTrim(head, compacted)).toEqual(planTrim(head, chunk));
  });
});
