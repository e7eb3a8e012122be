/** The invariants of heads and chunks over random sequences of every change, whatever order and arguments they come in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../lib/log/chunk.ts';
import { mayRemoveChunk, putChunkTransition } from '../../lib/log/chunk-transitions.ts';
import { entryId, entryRecordCount } from '../../lib/log/entry.ts';
import { emptyHead, type Head } from '../../lib/log/head.ts';
import {
  advanceStartTransition,
  commitTransition,
  entriesBytes,
  raiseFloorTransition,
  trimTailTransition,
} from '../../lib/log/head-transitions.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { chunkAt, commitArgs, entryNumbered, idNumbered } from './contract/fresh.ts';

type Step =
  | { readonly kind: 'commit'; readonly number: number; readonly counts: readonly number[]; readonly known: number }
  | { readonly kind: 'strict'; readonly number: number; readonly counts: readonly number[]; readonly known: number }
  | { readonly kind: 'chunk'; readonly count: number }
  | { readonly kind: 'trim'; readonly at: number }
  | { readonly kind: 'floor'; readonly number: number }
  | { readonly kind: 'start'; readonly start: number; readonly number: number }
  | { readonly kind: 'remove'; readonly at: number };

const group = {
  number: fc.nat(200),
  counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  known: fc.nat(6),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('commit'), ...group }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('strict'), ...group }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('chunk'), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('trim'), at: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('floor'), number: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('start'), start: fc.nat(60), number: fc.nat(150) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), at: fc.nat(3) }) },
);

interface Log {
  readonly head: Head;
  readonly chunks: readonly Chunk[];
  /** Every record's place, as acknowledged: entry and record within it, by offset. */
  readonly acknowledged: readonly string[];
}

const nameOf = (entry: Uint8Array): string => Buffer.from(entry).toString('hex');

/** A name for each record that an entry holds. */
const recordsOf = (entry: Uint8Array): string[] =>
  Array.from({ length: entryRecordCount(entry) }, (_, index) => `${nameOf(entry)}/${index}`);

function apply(log: Log, next: Step): Log {
  const { head, chunks } = log;
  switch (next.kind) {
    case 'commit':
    case 'strict': {
      const entries = next.counts.map((recordCount, index) => entryNumbered(next.number + index, { recordCount }));
      const recordCount = next.counts.reduce((sum, count) => sum + count, 0);
      const known = head.next - BigInt(next.known);
      const form = next.kind === 'commit' ? 'plain' : 'strict';
      const minId = idNumbered(next.number);
      const args = commitArgs(0, {
        form,
        entries,
        recordCount,
        minId,
        known: known < 0n ? 0n : known,
        tailEntriesCap: 12,
      });
      const change = commitTransition(head, args);
      if (change.outcome === 'refused') return log;
      return { ...log, head: change.item, acknowledged: [...log.acknowledged, ...entries.flatMap(recordsOf)] };
    }
    case 'chunk': {
      const entries = head.tail.slice(0, next.count);
      if (entries.length === 0) return log;
      const records = entries.reduce((sum, entry) => sum + entryRecordCount(entry), 0);
      const ids = entries.map(entryId).sort();
      const planned = chunkAt(head.tailBase, {
        end: head.tailBase + BigInt(records),
        count: entries.length,
        minId: ids[0]!,
        maxId: ids.at(-1)!,
        entries,
      });
      const existing = chunks.find(({ base }) => base === planned.base);
      const change = putChunkTransition(existing, planned);
      return change.outcome === 'done' ? { ...log, chunks: [...chunks, change.item] } : log;
    }
    case 'trim': {
      const chunk = chunks.at(-1 - next.at);
      if (!chunk) return log;
      const { base, end, count, entries } = chunk;
      const bytes = entriesBytes(entries);
      const args = { base, end, count, entriesBytes: bytes, runMaxTimestampMs: 1n, runMaxTimestampOffset: base };
      return { ...log, head: trimTailTransition(head, args).item! };
    }
    case 'floor':
      return { ...log, head: raiseFloorTransition(head, idNumbered(next.number)).item! };
    case 'start':
      return {
        ...log,
        head: advanceStartTransition(head, { start: BigInt(next.start), floor: idNumbered(next.number) }).item!,
      };
    case 'remove': {
      const chunk = chunks.at(next.at);
      const may = chunk && mayRemoveChunk(chunk, { endAtMost: head.start, maxIdAtMost: head.floor });
      return may ? { ...log, chunks: chunks.filter((kept) => kept !== chunk) } : log;
    }
  }
}

function expectInvariants(before: Log, { head, chunks, acknowledged }: Log): void {
  // Monotonic.
  expect(head.next >= before.head.next && head.start >= before.head.start).toBe(true);
  expect(head.tailBase >= before.head.tailBase && head.floor >= before.head.floor).toBe(true);
  // Dense offsets: the tail adds up to what lies between its base and the high watermark.
  const tailRecords = head.tail.reduce((sum, entry) => sum + entryRecordCount(entry), 0);
  expect(head.next - head.tailBase).toBe(BigInt(tailRecords));
  expect(head.tailBytes).toBe(entriesBytes(head.tail));
  expect(head.start <= head.next).toBe(true);
  expect(head.next).toBe(BigInt(acknowledged.length));
  // Stable prefix, chunk before trim: whatever was acknowledged at or above the start is where it was.
  const found = new Map<bigint, string>();
  const place = (base: bigint, entries: readonly Uint8Array[]) => {
    for (const [index, record] of entries.flatMap(recordsOf).entries()) found.set(base + BigInt(index), record);
  };
  for (const chunk of chunks) place(chunk.base, chunk.entries);
  place(head.tailBase, head.tail);
  for (let offset = head.start; offset < head.next; offset++) {
    // A comparison first: an expectation for each of a million records takes seconds.
    const record = found.get(offset);
    if (record !== acknowledged[Number(offset)]) expect(record).toBe(acknowledged[Number(offset)]);
  }
}

const empty: Log = { head: emptyHead(ZERO_ID), chunks: [], acknowledged: [] };

describe('any sequence of changes', () => {
  it('keeps offsets dense, the tail adding up, marks monotonic and every acknowledged record in its place', () => {
    let commits = 0;
    let trims = 0;
    let removals = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        let log = empty;
        for (const next of steps) {
          const after = apply(log, next);
          expectInvariants(log, after);
          if (after.head.next > log.head.next) commits++;
          if (after.head.tailBase > log.head.tailBase) trims++;
          if (after.chunks.length < log.chunks.length) removals++;
          log = after;
        }
      }),
      { numRuns: 600 },
    );
    // Sequences that change nothing would prove nothing.
    expect(commits).toBeGreaterThan(1000);
    expect(trims).toBeGreaterThan(100);
    expect(removals).toBeGreaterThan(0);
  });

  it('commits a group of a plain commit at most once under one known, however it is repeated, rolled or delayed', () => {
    const other = fc.oneof(fc.constant('again' as const), step);
    fc.assert(
      fc.property(fc.array(other, { minLength: 1, maxLength: 60, size: 'max' }), fc.nat(4), (steps, before) => {
        let log = empty;
        for (let number = 1; number <= before; number++) {
          log = apply(log, { kind: 'commit', number, counts: [1], known: 0 });
        }
        const entries = [entryNumbered(500), entryNumbered(501)];
        const known = log.head.next;
        const args = commitArgs(500, { entries, recordCount: 2, known });
        let committed = 0;
        for (const next of steps) {
          if (next === 'again') {
            const change = commitTransition(log.head, args);
            if (change.outcome === 'done') {
              committed++;
              log = { ...log, head: change.item, acknowledged: [...log.acknowledged, ...entries.flatMap(recordsOf)] };
            }
          } else {
            log = apply(log, next);
          }
        }
        expect(committed).toBeLessThanOrEqual(1);
        if (steps[0] === 'again') expect(committed).toBe(1);
      }),
      { numRuns: 2000 },
    );
  });
});
