/** Key compaction of a whole log in memory, round by round. */

import { cleanBatch } from '../../../lib/maintenance/clean/clean-batch.ts';
import { type AbortedTransaction, CleanTransactions } from '../../../lib/maintenance/clean/clean-transactions.ts';
import { mapKeys } from '../../../lib/maintenance/clean/map-keys.ts';
import { OffsetMap } from '../../../lib/maintenance/clean/offset-map.ts';
import { type BatchHeader, parseBatchHeader } from '../../../lib/record/batch-header.ts';
import { decodeControlRecord } from '../../../lib/record/control-record.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';

/** One cleaning of a log. */
export interface LogCleaning {
  /** Stamped batches in the order of their offsets. */
  readonly batches: readonly Uint8Array[];
  /** Below it the log was cleaned before. */
  readonly cleanedEnd: bigint;
  /** Batches from it on are left alone. */
  readonly end: bigint;
  readonly nowMs: number;
  readonly deleteRetentionMs: bigint;
  readonly keepsEmpty?: (header: BatchHeader) => boolean;
  /** Memory of the map; enough for all by default. */
  readonly mapBytes?: number;
}

/** First offset behind a batch. */
export function endOfBatch({ baseOffset, lastOffsetDelta }: BatchHeader): bigint {
  return baseOffset + BigInt(lastOffsetDelta) + 1n;
}

/** The transactions of a log that were aborted, as the broker keeps them in its index. */
export function abortedTransactions(batches: readonly Uint8Array[]): AbortedTransaction[] {
  const open = new Map<bigint, bigint>();
  const aborted: AbortedTransaction[] = [];
  for (const bytes of batches) {
    const { producerId, baseOffset, transactional, control } = parseBatchHeader(bytes);
    if (!transactional) continue;
    if (!control) {
      if (!open.has(producerId)) open.set(producerId, baseOffset);
      continue;
    }
    const decoded = decodeBatch(bytes);
    const firstOffset = open.get(producerId);
    open.delete(producerId);
    if (decoded.recordCount === 0 || firstOffset === undefined) continue;
    const { type } = decodeControlRecord(decoded.record(0));
    if (type === 'ABORT') aborted.push({ producerId, firstOffset });
  }
  return aborted;
}

/** The batches that are left, after as many rounds as it takes. */
export function cleanLog(cleaning: LogCleaning): Uint8Array[] {
  let { batches, cleanedEnd } = cleaning;
  while (cleanedEnd < cleaning.end) {
    const round = cleanOnce({ ...cleaning, batches, cleanedEnd });
    if (round.mappedEnd <= cleanedEnd) throw new Error(`no progress at ${cleanedEnd}`);
    batches = round.batches;
    cleanedEnd = round.mappedEnd;
  }
  return [...batches];
}

/** One round: as far as the map goes. */
export function cleanOnce(cleaning: LogCleaning): {
  readonly batches: readonly Uint8Array[];
  readonly mappedEnd: bigint;
} {
  const {
    batches,
    cleanedEnd,
    end,
    nowMs,
    deleteRetentionMs,
    keepsEmpty = () => false,
    mapBytes = 1_000_000,
  } = cleaning;
  const aborted = abortedTransactions(batches);
  const map = new OffsetMap(mapBytes);
  map.clear(cleanedEnd);
  const isBelow = (bytes: Uint8Array) => parseBatchHeader(bytes).baseOffset < end;
  let mappedEnd = end;
  const transactions = new CleanTransactions(aborted);
  for (const bytes of batches.filter(isBelow)) {
    const full = mapKeys(bytes, { map, transactions, fromOffset: cleanedEnd });
    if (full === null) continue;
    mappedEnd = full;
    break;
  }
  const rule = {
    map,
    mappedEnd,
    cleanedEnd,
    nowMs,
    horizonMs: BigInt(nowMs) + deleteRetentionMs,
    keepsEmpty,
    transactions: new CleanTransactions(aborted),
  };
  const left = batches.flatMap((bytes) => (isBelow(bytes) ? (cleanBatch(bytes, rule).bytes ?? []) : bytes));
  return { batches: left, mappedEnd };
}
