/**
 * A record batch without some of its records, as Kafka's log cleaner writes it. Source: Kafka's `MemoryRecords.filterTo` and `buildRetainedRecordsInto`, KIP-98 (empty batches), KIP-534 (delete horizon).
 *
 * Kept are base offset and last offset delta, the offset of each record, the codec, producer id, epoch, base sequence and the transactional and control flags; so a batch covers what it covered before, and says
 * the last sequence of its producer even when nothing is in it. Made anew are the base timestamp (the first record's, or the delete horizon), the largest timestamp and the record count.
 */
import { assembleBatch } from './assemble-batch.ts';
import { BATCH_HEADER_BYTES, type BatchHeader } from './batch-header.ts';
import type { DecodedBatch } from './decoded-batch.ts';
import {
  bigVarlongBytes,
  VARLONG_SAFE,
  varintBytes,
  varlongBytes,
  writeBigVarlong,
  writeVarint,
  writeVarlong,
} from './varint.ts';

const NO_TIMESTAMP = -1n;
/** Of a record: unused, 0. */
const ATTRIBUTES_BYTES = 1;

interface Timed {
  readonly timestampMs: bigint;
  readonly rest: Uint8Array;
}

const isSafe = (delta: bigint): boolean => delta > -VARLONG_SAFE && delta < VARLONG_SAFE;

function deltaBytes(delta: bigint): number {
  return isSafe(delta) ? varlongBytes(Number(delta)) : bigVarlongBytes(delta);
}

function writeDelta(bytes: Uint8Array, position: number, delta: bigint): number {
  return isSafe(delta) ? writeVarlong(bytes, position, Number(delta)) : writeBigVarlong(bytes, position, delta);
}

/** Where timestamps are counted from: as wanted, unless one of them is too far from it for 64 bits; from the old base none is. */
function chooseBase(records: readonly Timed[], header: BatchHeader, horizonMs: bigint | null): bigint {
  const wanted = horizonMs ?? records[0]!.timestampMs;
  const fits = records.every(({ timestampMs }) => BigInt.asIntN(64, timestampMs - wanted) === timestampMs - wanted);
  return fits ? wanted : header.baseTimestampMs;
}

function writeRecords(records: readonly Timed[], baseTimestampMs: bigint): Uint8Array {
  const bodies = records.map(({ timestampMs, rest }) => {
    const delta = timestampMs - baseTimestampMs;
    return { delta, rest, length: ATTRIBUTES_BYTES + deltaBytes(delta) + rest.length };
  });
  const size = bodies.reduce((sum, { length }) => sum + varintBytes(length) + length, BATCH_HEADER_BYTES);
  const bytes = new Uint8Array(size);
  let at = BATCH_HEADER_BYTES;
  for (const { delta, rest, length } of bodies) {
    at = writeVarint(bytes, at, length);
    at += ATTRIBUTES_BYTES;
    at = writeDelta(bytes, at, delta);
    bytes.set(rest, at);
    at += rest.length;
  }
  return bytes;
}

/**
 * The batch with just the records of the given indexes, at least one, ascending. `horizonMs`: from when its tombstones, or the marker in it, may go; null for none. A batch that has a horizon keeps it. One that is
 * further than 64 bits from a timestamp is left out. Throws CORRUPT_MESSAGE for a record that is damaged, MESSAGE_TOO_LARGE when the batch would exceed `limits.batchBytes`, which other deltas and another
 * compressor may make of one that is as large as it may be.
 */
export function retainRecords(batch: DecodedBatch, indexes: readonly number[], horizonMs: bigint | null): Uint8Array {
  const { header } = batch;
  const horizon = header.hasDeleteHorizon ? header.baseTimestampMs : horizonMs;
  const records = indexes.map((index) => ({ timestampMs: batch.timestampMs(index), rest: batch.untimed(index) }));
  const baseTimestampMs = chooseBase(records, header, horizon);
  return assembleBatch(writeRecords(records, baseTimestampMs), {
    ...header,
    hasDeleteHorizon: horizon === baseTimestampMs,
    baseTimestampMs,
    maxTimestampMs: records.reduce(
      (most, { timestampMs }) => (timestampMs > most ? timestampMs : most),
      records[0]!.timestampMs,
    ),
    recordCount: records.length,
  });
}

/** The batch with nothing in it: 61 bytes that say which offsets it covered, and the last sequence of its producer. */
export function emptyBatch(header: BatchHeader): Uint8Array {
  return assembleBatch(new Uint8Array(BATCH_HEADER_BYTES), {
    ...header,
    compression: 'none',
    hasDeleteHorizon: false,
    baseTimestampMs: NO_TIMESTAMP,
    recordCount: 0,
  });
}
