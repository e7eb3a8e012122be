import { crc32c } from '../record/crc32c.ts';
import { decodeBatch } from '../record/decode-batch.ts';
import type { RecordHeader } from '../record/record.ts';

/** A record as the event source reads it. Its bytes are views into what was fetched. */
export interface ReceivedEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The first offset behind the record before it: offsets between hold nothing that is given to anybody. */
  readonly gapFrom: bigint;
  readonly timestampMs: bigint;
  /** CREATE_TIME: by the producer's clock. LOG_APPEND_TIME: by the log's. */
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME';
  readonly keyBytes: Uint8Array | null;
  readonly valueBytes: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** The records of a batch from `position` on, up to whose offset everything was read; control batches have none. Throws CORRUPT_MESSAGE. */
export function receivedEvents(
  topic: string,
  partition: number,
  bytes: Uint8Array,
  position: bigint,
): readonly ReceivedEvent[] {
  const batch = decodeBatch(bytes);
  const { control, timestampType } = batch.header;
  if (control) return [];
  const events: ReceivedEvent[] = [];
  let gapFrom = position;
  for (const { offset, timestampMs, key, value, headers } of batch) {
    if (offset < position) continue;
    events.push({
      topic,
      partition,
      offset,
      gapFrom,
      timestampMs,
      timestampType: timestampType === 'LogAppendTime' ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
      keyBytes: key,
      valueBytes: value,
      headers,
    });
    gapFrom = offset + 1n;
  }
  return events;
}

/** Stands for a key: two keys that share it are only kept in order without need. Null for records without a key, which nothing has to follow. */
export function keyHash({ keyBytes }: Pick<ReceivedEvent, 'keyBytes'>): number | null {
  return keyBytes === null ? null : crc32c(keyBytes);
}
