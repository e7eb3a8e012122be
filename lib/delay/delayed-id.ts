/**
 * The id of a delayed record, by which it is cancelled: it says all that is needed to find the record, so whoever keeps it need keep nothing else.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 1 | version | 1 |
 * | 16 | topic id | |
 * | 4 | partition | u32 |
 * | 6 | due time | u48, ms since the epoch |
 * | 16 | id | ULID, made when it was sent |
 * | 4 | checksum | CRC-32C of all bytes before it |
 *
 * All integers are big-endian. The text is base64url without padding: 63 characters, the first an `A`.
 */
import { MillraceError } from '../errors.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { crc32c } from '../record/crc32c.ts';
import { decodeId, encodeId } from '../segment/segment-id.ts';
import { decodeTopicId, encodeTopicId } from '../segment/topic-id.ts';
import type { DuePlace } from './due-record.ts';

/** Where a delayed record waits. */
export interface DelayedPlace {
  readonly partition: PartitionKey;
  readonly place: DuePlace;
}

const VERSION = 1;
const TOPIC_AT = 1;
const PARTITION_AT = 17;
const DUE_AT = 21;
const ID_AT = 27;
const CHECKSUM_AT = 43;
const LENGTH = 47;
const DUE_BYTES = 6;

/** The text of an id. */
export function delayedId({ partition, place }: DelayedPlace): string {
  const bytes = Buffer.alloc(LENGTH);
  bytes[0] = VERSION;
  bytes.set(encodeTopicId(partition.topicId), TOPIC_AT);
  bytes.writeUInt32BE(partition.partition, PARTITION_AT);
  bytes.writeUIntBE(place.dueMs, DUE_AT, DUE_BYTES);
  bytes.set(encodeId(place.id), ID_AT);
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return bytes.toString('base64url');
}

/** Throws INVALID_REQUEST for any text that `delayedId` does not make. */
export function parseDelayedId(text: string): DelayedPlace {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
  const isWhole = bytes.length === LENGTH && bytes[0] === VERSION && bytes.toString('base64url') === text;
  if (!isWhole || bytes.readUInt32BE(CHECKSUM_AT) !== crc32c(bytes.subarray(0, CHECKSUM_AT))) throw notAnId(text);
  return {
    partition: { topicId: decodeTopicId(bytes, TOPIC_AT), partition: bytes.readUInt32BE(PARTITION_AT) },
    place: { dueMs: bytes.readUIntBE(DUE_AT, DUE_BYTES), id: decodeId(bytes, ID_AT) },
  };
}

function notAnId(value: unknown): MillraceError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value;
  return new MillraceError('INVALID_REQUEST', `not the id of a delayed record: ${shown}`, {
    value,
    hint: 'Give the id as `send` returned it, or as `millrace delayed list` shows it: 63 characters.',
  });
}
