/**
 * An entry: what one commit adds to a partition, either a reference to a region of a segment or, for a small group, the record batches
 * themselves. An entry is encoded once, before its first commit attempt, and compared by its bytes from then on.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 1 | kind | 1 reference, 2 inline; + 16 when producer fields follow |
 * | 16 | id | of the segment; inline entries have an id of their own |
 * | 4 | record count | u32; of a chunk that was rewritten: its offsets, whatever was removed |
 * | 8 | max timestamp | i64, ms since the epoch |
 * | 14 | producer id i64, epoch i16, base sequence i32 | only with + 16 |
 * | 8 | position u32, length u32 | of the region; references only |
 * | rest | record batches | inline only |
 *
 * All integers are big-endian. A reference takes 37 bytes, 51 with producer fields.
 */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { StampedRegion } from '../segment/region.ts';
import { decodeId, encodeId, type SegmentId } from '../segment/segment-id.ts';

/** Producer fields of an idempotent batch. */
export interface EntryProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

interface EntryBase {
  readonly id: SegmentId;
  readonly recordCount: number;
  readonly maxTimestampMs: bigint;
  readonly producer: EntryProducer | null;
}

/** Bytes `[position, position + length)` of the segment that `id` names. */
export interface ReferenceEntry extends EntryBase {
  readonly kind: 'reference';
  readonly position: number;
  readonly lengthBytes: number;
}

/** One or more record batches, carried by the entry itself. */
export interface InlineEntry extends EntryBase {
  readonly kind: 'inline';
  readonly batches: Uint8Array;
}

/** See the module comment. */
export type Entry = ReferenceEntry | InlineEntry;

/** Most records of an entry, and of a partition's region in a segment: their counts are u32. */
export const ENTRY_RECORDS_MAX = 2 ** 32 - 1;

const KIND_REFERENCE = 1;
const KIND_INLINE = 2;
const WITH_PRODUCER = 16;
const FIXED_BYTES = 29;
const PRODUCER_BYTES = 14;
const REFERENCE_BYTES = 8;

/** Throws MESSAGE_TOO_LARGE when an entry could not tell so many records: its offsets would end before them. */
export function checkRecordCount(recordCount: number): void {
  if (recordCount <= ENTRY_RECORDS_MAX) return;
  throw new MillraceError('MESSAGE_TOO_LARGE', `${recordCount} records for one entry`, {
    value: recordCount,
    hint: `Append at most ${ENTRY_RECORDS_MAX} records at once.`,
  });
}

/** Encodes an entry, see the table above. Call it once per commit: a repeated attempt sends the same bytes. Throws MESSAGE_TOO_LARGE. */
export function encodeEntry(entry: Entry): Uint8Array {
  checkRecordCount(entry.recordCount);
  const producerBytes = entry.producer ? PRODUCER_BYTES : 0;
  const bodyBytes = entry.kind === 'reference' ? REFERENCE_BYTES : entry.batches.length;
  const bytes = new Uint8Array(FIXED_BYTES + producerBytes + bodyBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = (entry.kind === 'reference' ? KIND_REFERENCE : KIND_INLINE) + (entry.producer ? WITH_PRODUCER : 0);
  bytes.set(encodeId(entry.id), 1);
  view.setUint32(17, entry.recordCount);
  view.setBigInt64(21, entry.maxTimestampMs);
  if (entry.producer) {
    view.setBigInt64(FIXED_BYTES, entry.producer.producerId);
    view.setInt16(FIXED_BYTES + 8, entry.producer.producerEpoch);
    view.setInt32(FIXED_BYTES + 10, entry.producer.baseSequence);
  }
  const body = FIXED_BYTES + producerBytes;
  if (entry.kind === 'reference') {
    view.setUint32(body, entry.position);
    view.setUint32(body + 4, entry.lengthBytes);
  } else {
    bytes.set(entry.batches, body);
  }
  return bytes;
}

/** Whether one entry can tell all offsets of a chunk. */
export function canBeRewritten({ base, end }: { readonly base: bigint; readonly end: bigint }): boolean {
  return end - base <= BigInt(ENTRY_RECORDS_MAX);
}

/**
 * The one entry of a chunk whose records were rewritten into a region of the level-1 object `id`. Its record count is the number of offsets of the chunk, whatever was removed from it. Throws
 * MESSAGE_TOO_LARGE where `canBeRewritten` is false.
 */
export function encodeRewritten(id: SegmentId, region: StampedRegion): Uint8Array {
  const { baseOffset, lastOffset, maxTimestampMs, position, length } = region;
  const recordCount = Number(lastOffset - baseOffset) + 1;
  const entry = { id, recordCount, maxTimestampMs, producer: null, position, lengthBytes: length };
  return encodeEntry({ kind: 'reference', ...entry });
}

function corruptEntry(why: string, bytes: Uint8Array): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `entry of ${bytes.length} bytes: ${why}`, {
    value: Buffer.from(bytes.subarray(0, 64)).toString('hex'),
    hint: 'The head or the chunk that holds it was damaged; run a verify of the partition.',
  });
}

/** Decodes an entry; an inline entry's `batches` is a view into `bytes`. Throws CORRUPT_OBJECT. */
export function decodeEntry(bytes: Uint8Array): Entry {
  if (bytes.length < FIXED_BYTES) throw corruptEntry('too short', bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const hasProducer = (bytes[0]! & WITH_PRODUCER) !== 0;
  const kind = bytes[0]! & ~WITH_PRODUCER;
  const body = FIXED_BYTES + (hasProducer ? PRODUCER_BYTES : 0);
  if (bytes.length < body) throw corruptEntry('ends inside the producer fields', bytes);
  const base = {
    id: decodeId(bytes, 1),
    recordCount: view.getUint32(17),
    maxTimestampMs: view.getBigInt64(21),
    producer: hasProducer
      ? {
          producerId: view.getBigInt64(FIXED_BYTES),
          producerEpoch: view.getInt16(FIXED_BYTES + 8),
          baseSequence: view.getInt32(FIXED_BYTES + 10),
        }
      : null,
  };
  if (base.recordCount === 0) throw corruptEntry('no records', bytes);
  if (kind === KIND_INLINE) return { kind: 'inline', ...base, batches: bytes.subarray(body) };
  if (kind !== KIND_REFERENCE) throw corruptEntry(`unknown kind ${kind}`, bytes);
  if (bytes.length !== body + REFERENCE_BYTES) throw corruptEntry('a reference of another length', bytes);
  const position = view.getUint32(body);
  const lengthBytes = view.getUint32(body + 4);
  if (lengthBytes === 0 || position + lengthBytes > limits.segmentBytes) {
    throw corruptEntry(`names bytes ${position}+${lengthBytes}, beyond a segment's size`, bytes);
  }
  return { kind: 'reference', ...base, position, lengthBytes };
}

/** Whether two encoded entries are the same entry: equality is by bytes, as in DynamoDB's `contains`. */
export function sameEntry(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Records of an encoded entry, without decoding the rest. Throws CORRUPT_OBJECT. */
export function entryRecordCount(bytes: Uint8Array): number {
  if (bytes.length < FIXED_BYTES) throw corruptEntry('too short', bytes);
  const count = ((bytes[17]! << 24) | (bytes[18]! << 16) | (bytes[19]! << 8) | bytes[20]!) >>> 0;
  if (count === 0) throw corruptEntry('no records', bytes);
  return count;
}

/** Id of an encoded entry, without decoding the rest. */
export function entryId(bytes: Uint8Array): SegmentId {
  if (bytes.length < FIXED_BYTES) throw corruptEntry('too short', bytes);
  return decodeId(bytes, 1);
}
