import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBatchHeader } from '../../../lib/record/batch-header.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import type { LogRecord } from '../../../lib/record/record.ts';
import { cleanLog, cleanOnce, endOfBatch } from './clean-log.ts';
import { randomLog } from './random-log.ts';

const RETENTION_MS = 1_000n;

const recordsOf = (batches: readonly Uint8Array[]): LogRecord[] => batches.flatMap((bytes) => [...decodeBatch(bytes)]);
const endOf = (batches: readonly Uint8Array[]) => endOfBatch(parseBatchHeader(batches.at(-1)!));
const nameOf = ({ key }: Pick<LogRecord, 'key'>) => (key === null ? null : Buffer.from(key).toString());

/** What somebody knows who reads it all: the last value of each key. */
function tableOf(records: readonly LogRecord[]): Map<string, LogRecord> {
  const table = new Map<string, LogRecord>();
  for (const record of records) {
    const name = nameOf(record);
    if (name === null) continue;
    if (record.value === null) table.delete(name);
    else table.set(name, record);
  }
  return table;
}

/** The last record of each key below an offset, and everything from it on: what key compaction means, in six lines. */
function lastOfEachKey(records: readonly LogRecord[], end: bigint): LogRecord[] {
  const last = new Map(records.filter(({ offset }) => offset < end).map((record) => [nameOf(record), record.offset]));
  return records.filter(
    (record) => record.offset >= end || (record.key !== null && last.get(nameOf(record)) === record.offset),
  );
}

const log = randomLog({ keys: 8, nullKeys: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const mapBytes = fc.constantFrom(60, 100, 200, 10_000);

/** An offset of the log, mostly within a batch. */
const offsetAt = (batches: readonly Uint8Array[], part: number) => BigInt(Math.floor(Number(endOf(batches)) * part));
/** The begin of the batch that holds it. */
const batchAt = (batches: readonly Uint8Array[], part: number) => {
  const offset = offsetAt(batches, part);
  return batches.map((bytes) => parseBatchHeader(bytes).baseOffset).findLast((base) => base <= offset)!;
};

describe('a log that is cleaned once', () => {
  it('keeps the last record of each key, as it was, whatever the map has room for', () => {
    fc.assert(
      fc.property(log, share, mapBytes, (batches, part, bytes) => {
        const end = batchAt(batches, part);
        const cleaning = {
          batches,
          cleanedEnd: 0n,
          end,
          nowMs: 5_000,
          deleteRetentionMs: RETENTION_MS,
          mapBytes: bytes,
        };
        expect(recordsOf(cleanLog(cleaning))).toEqual(lastOfEachKey(recordsOf(batches), end));
      }),
      { numRuns: 300 },
    );
  });

  it('is left byte for byte where nothing goes and no tombstone has to wait', () => {
    fc.assert(
      fc.property(log, (batches) => {
        const cleaning = {
          batches,
          cleanedEnd: 0n,
          end: endOf(batches),
          nowMs: 5_000,
          deleteRetentionMs: RETENTION_MS,
        };
        const once = cleanLog(cleaning);
        expect(cleanLog({ ...cleaning, batches: once, nowMs: 5_500 })).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });

  it('covers what it covered where the last batch of each stretch is kept, with nothing in it if need be', () => {
    fc.assert(
      fc.property(log, share, (batches, part) => {
        const stretchEnd = batchAt(batches, part);
        const ends = [stretchEnd, endOf(batches)];
        const cleaned = cleanLog({
          batches,
          cleanedEnd: 0n,
          end: endOf(batches),
          nowMs: 5_000,
          deleteRetentionMs: RETENTION_MS,
          keepsEmpty: (header) => ends.includes(endOfBatch(header)),
        });
        const cleanedEnds = cleaned.map((bytes) => endOfBatch(parseBatchHeader(bytes)));
        expect(cleanedEnds).toEqual(expect.arrayContaining(ends.filter((end) => end > 0n)));
      }),
      { numRuns: 100 },
    );
  });
});

describe('a log that is cleaned again and again', () => {
  const step = fc.record({ part: share, passedMs: fc.nat(1_500), mapBytes });

  it('tells the same at any time to who reads all of it, and a tombstone at least for its time', () => {
    fc.assert(
      fc.property(
        randomLog({ keys: 5, maxBatches: 30 }),
        fc.array(step, { minLength: 1, maxLength: 8 }),
        (batches, steps) => {
          const original = recordsOf(batches);
          const end = endOf(batches);
          let now = 5_000;
          let left: readonly Uint8Array[] = batches;
          let cleanedEnd = 0n;
          /** When a cleaning first met each tombstone. */
          const metAt = new Map<bigint, number>();
          for (const { part, passedMs, mapBytes: bytes } of steps) {
            now += passedMs;
            const upTo = batchAt(batches, part);
            if (upTo <= cleanedEnd) continue;
            const before = recordsOf(left);
            const cleaning = { batches: left, cleanedEnd, end: upTo, nowMs: now, deleteRetentionMs: RETENTION_MS };
            const round = cleanOnce({ ...cleaning, mapBytes: bytes });
            left = round.batches;
            cleanedEnd = round.mappedEnd;
            const after = recordsOf(left);
            const offsets = new Set(after.map(({ offset }) => offset));
            for (const record of before.filter(({ offset, value }) => value === null && offset < upTo)) {
              if (!metAt.has(record.offset)) metAt.set(record.offset, now);
              const isBuried = before.some((one) => nameOf(one) === nameOf(record) && one.offset > record.offset);
              if (offsets.has(record.offset) || isBuried) continue;
              expect(now - metAt.get(record.offset)!).toBeGreaterThanOrEqual(Number(RETENTION_MS));
            }
            expect(tableOf(after)).toEqual(tableOf(original));
            const below = after.filter(({ offset }) => offset < cleanedEnd).map(nameOf);
            expect(new Set(below).size).toBe(below.length);
          }
          expect(recordsOf(left).every((record) => original.some(({ offset }) => offset === record.offset))).toBe(true);
          expect(end).toBe(endOf(batches));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('loses no key when a cleaning ends half way, with any of its batches rewritten and others not', () => {
    fc.assert(
      fc.property(
        randomLog({ keys: 4, maxBatches: 20 }),
        fc.array(fc.record({ part: share, passedMs: fc.nat(1_500), rewritten: fc.infiniteStream(fc.boolean()) }), {
          minLength: 2,
          maxLength: 6,
        }),
        (batches, steps) => {
          const original = tableOf(recordsOf(batches));
          let now = 5_000;
          let cleanedEnd = 0n;
          let left: readonly Uint8Array[] = batches;
          for (const [index, { part, passedMs, rewritten }] of steps.entries()) {
            now += passedMs;
            const upTo = batchAt(batches, part);
            if (upTo <= cleanedEnd) continue;
            const cleaning = {
              cleanedEnd,
              end: upTo,
              nowMs: now,
              deleteRetentionMs: RETENTION_MS,
              keepsEmpty: () => true,
            };
            const round = cleanOnce({ ...cleaning, batches: left });
            // Batches that stay are in their places, since emptied ones are kept.
            const isWhole = index % 2 === 0;
            left = round.batches.map((bytes, place) => (isWhole || rewritten.next().value ? bytes : left[place]!));
            if (isWhole) cleanedEnd = round.mappedEnd;
            expect(tableOf(recordsOf(left))).toEqual(original);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
