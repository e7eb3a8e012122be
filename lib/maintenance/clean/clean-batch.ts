/**
 * What key compaction leaves of a record batch. Source: Kafka's `Cleaner`, with the same survivors to the record.
 *
 * A record stays when no later one of its key is known; one without a key goes. A tombstone, a record without a value, stays for `delete.retention.ms` from the first cleaning that met it, so that a reader who
 * is that far behind still learns that the key is gone: the time until then, its delete horizon, is written into the batch (KIP-534).
 */

import type { BatchHeader } from '../../record/batch-header.ts';
import { decodeBatch } from '../../record/decode-batch.ts';
import type { DecodedBatch } from '../../record/decoded-batch.ts';
import { emptyBatch, retainRecords } from '../../record/retain-records.ts';
import type { CleanTransactions } from './clean-transactions.ts';
import type { OffsetMap } from './offset-map.ts';

/** By what a batch is judged. */
export interface CleanRule {
  /** Last offsets of the keys of the records below `mappedEnd` that were not cleaned before. */
  readonly map: Pick<OffsetMap, 'get'>;
  /** Records from it on stay. */
  readonly mappedEnd: bigint;
  /**
   * Below it no key is twice, since earlier cleanings have come to their end. Only there a tombstone may go: what it buried has gone before, so that nothing comes back when a cleaning ends half way. Kafka
   * cleans from the oldest segment on instead.
   */
  readonly cleanedEnd: bigint;
  /** By which horizons are over, ms since 1970. */
  readonly nowMs: number;
  /** When a tombstone may go that no cleaning has met before: `delete.retention.ms` from now, ms since 1970. */
  readonly horizonMs: bigint;
  readonly transactions: CleanTransactions;
  /** Whether a batch of which no record stays is kept with none. */
  readonly keepsEmpty: (header: BatchHeader) => boolean;
}

/** What becomes of a batch. `bytes` are those that were given when nothing changes. */
export interface CleanedBatch {
  /** Null: it goes. */
  readonly bytes: Uint8Array | null;
  readonly recordCount: number;
  readonly isChanged: boolean;
  /** Whether it got its delete horizon now. */
  readonly beginsToWait: boolean;
}

const GONE: CleanedBatch = { bytes: null, recordCount: 0, isChanged: true, beginsToWait: false };

/** Judges the batch that `bytes` are, whose CRC was verified; batches are given in the order of their offsets. Throws CORRUPT_MESSAGE for damaged records, and what `retainRecords` does. */
export function cleanBatch(bytes: Uint8Array, rule: CleanRule): CleanedBatch {
  const batch = decodeBatch(bytes, { verify: false });
  const { header } = batch;
  const isPast = header.hasDeleteHorizon && header.baseTimestampMs <= BigInt(Math.floor(rule.nowMs));
  const fate = header.control ? judgeMarker(batch, rule, isPast) : judgeRecords(batch, rule, isPast);
  if (fate.retained.length === 0) return emptied(bytes, header, rule);
  // What a tombstone buries is known up to `mappedEnd`, and its time begins when that is gone.
  const isMapped = header.baseOffset + BigInt(header.lastOffsetDelta) < rule.mappedEnd;
  const beginsToWait = fate.waits && !header.hasDeleteHorizon && isMapped;
  if (fate.retained.length === batch.recordCount && !beginsToWait) {
    return { bytes, recordCount: batch.recordCount, isChanged: false, beginsToWait };
  }
  const rewritten = retainRecords(batch, fate.retained, beginsToWait ? rule.horizonMs : null);
  return { bytes: rewritten, recordCount: fate.retained.length, isChanged: true, beginsToWait };
}

interface Fate {
  /** Indexes of the records that stay. */
  readonly retained: readonly number[];
  /** Whether something in it is to go at the delete horizon. */
  readonly waits: boolean;
}

const NOTHING: Fate = { retained: [], waits: false };

function judgeMarker(batch: DecodedBatch, { transactions }: CleanRule, isPast: boolean): Fate {
  const isNeedless = transactions.isNeedless(batch);
  if (isNeedless && isPast) return NOTHING;
  return { retained: Array.from({ length: batch.recordCount }, (_, index) => index), waits: isNeedless };
}

function judgeRecords(batch: DecodedBatch, rule: CleanRule, isPast: boolean): Fate {
  if (rule.transactions.isAborted(batch.header)) return NOTHING;
  const retained: number[] = [];
  let waits = false;
  for (let index = 0; index < batch.recordCount; index++) {
    if (!isRetained(batch, index, rule, isPast)) continue;
    retained.push(index);
    waits ||= batch.value(index) === null;
  }
  return { retained, waits };
}

function isRetained(batch: DecodedBatch, index: number, rule: CleanRule, isPast: boolean): boolean {
  const { map, mappedEnd, cleanedEnd } = rule;
  const offset = batch.offset(index);
  if (offset >= mappedEnd) return true;
  const key = batch.key(index);
  if (key === null) return false;
  const last = map.get(key);
  const isLast = last === null || offset >= last;
  return isLast && (!isPast || offset >= cleanedEnd || batch.value(index) !== null);
}

function emptied(bytes: Uint8Array, header: BatchHeader, { keepsEmpty }: CleanRule): CleanedBatch {
  if (!keepsEmpty(header)) return GONE;
  if (header.recordCount === 0) return { bytes, recordCount: 0, isChanged: false, beginsToWait: false };
  return { bytes: emptyBatch(header), recordCount: 0, isChanged: true, beginsToWait: false };
}
