import { describe, expect, it } from 'vitest';
import { type CleanRule, cleanBatch } from '../../../lib/maintenance/clean/clean-batch.ts';
import { CleanTransactions } from '../../../lib/maintenance/clean/clean-transactions.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { retainRecords } from '../../../lib/record/retain-records.ts';
import { keyedBatch } from './clean-stage.ts';

const NOW_MS = 10_000;

/** A rule that knows the last offsets of these keys. */
function ruleOf(last: Record<string, bigint>, changes: Partial<CleanRule> = {}): CleanRule {
  return {
    map: { get: (key) => last[Buffer.from(key).toString()] ?? null },
    mappedEnd: 100n,
    cleanedEnd: 0n,
    nowMs: NOW_MS,
    horizonMs: 50_000n,
    transactions: new CleanTransactions([]),
    keepsEmpty: () => false,
    ...changes,
  };
}

/** A batch at offset 20, whose horizon is over where one is given. */
function batchOf(written: readonly string[], horizonMs?: bigint): Uint8Array {
  const bytes = keyedBatch(written, 1_000, { baseOffset: 20n });
  if (horizonMs === undefined) return bytes;
  return retainRecords(
    decodeBatch(bytes),
    written.map((_, index) => index),
    horizonMs,
  );
}

const offsetsOf = (bytes: Uint8Array | null) =>
  bytes === null ? [] : [...decodeBatch(bytes)].map(({ offset }) => offset);

describe('a tombstone in a batch whose horizon is over', () => {
  const batch = batchOf(['a', 'b=1'], BigInt(NOW_MS));

  it('goes where the partition is clean', () => {
    expect(offsetsOf(cleanBatch(batch, ruleOf({}, { cleanedEnd: 22n })).bytes)).toEqual([21n]);
  });

  it('stays where it is not, since what it buries may still be there', () => {
    const cleaned = cleanBatch(batch, ruleOf({ a: 20n, b: 21n }, { cleanedEnd: 20n }));
    expect(offsetsOf(cleaned.bytes)).toEqual([20n, 21n]);
    expect(cleaned).toMatchObject({ isChanged: false, beginsToWait: false });
  });

  it('stays a millisecond before', () => {
    const early = batchOf(['a', 'b=1'], BigInt(NOW_MS) + 1n);
    expect(offsetsOf(cleanBatch(early, ruleOf({}, { cleanedEnd: 22n })).bytes)).toEqual([20n, 21n]);
  });
});

describe('a tombstone that no cleaning has met', () => {
  const batch = batchOf(['a', 'b=1']);

  it('begins to wait for its horizon', () => {
    const cleaned = cleanBatch(batch, ruleOf({ a: 20n, b: 21n }));
    expect(cleaned).toMatchObject({ isChanged: true, beginsToWait: true, recordCount: 2 });
    expect(decodeBatch(cleaned.bytes!).header).toMatchObject({ hasDeleteHorizon: true, baseTimestampMs: 50_000n });
  });

  it('does not begin to wait in the batch at which the map was full: what it buries is not known', () => {
    const cleaned = cleanBatch(batch, ruleOf({ a: 20n }, { mappedEnd: 21n }));
    expect(cleaned).toMatchObject({ bytes: batch, isChanged: false, beginsToWait: false });
  });

  it('goes at once when a later record has its key, and nothing waits then', () => {
    const cleaned = cleanBatch(batch, ruleOf({ a: 30n, b: 21n }));
    expect(cleaned).toMatchObject({ recordCount: 1, beginsToWait: false });
    expect(decodeBatch(cleaned.bytes!).header.hasDeleteHorizon).toBe(false);
  });
});

describe('a record', () => {
  it('goes when a later one has its key, stays when it is the last, and from the end of the map on', () => {
    const batch = batchOf(['a=1', 'b=1', 'c=1', 'a=2', 'd=1']);
    const last = { a: 23n, b: 40n, c: 22n, d: 60n };
    expect(offsetsOf(cleanBatch(batch, ruleOf(last, { mappedEnd: 24n })).bytes)).toEqual([22n, 23n, 24n]);
  });
});
