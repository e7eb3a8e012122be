/** What a topic's configuration says about a record. */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { type TopicRoute, unknownPartition } from '../log/topic-directory.ts';
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts';
import type { PreparedRecord } from './outgoing-record.ts';

/** The error of a record that this topic does not take, or null. Nothing was written then, and no other record is touched. The clock is asked only about a record that has a timestamp. */
export function checkRecord(
  record: PreparedRecord,
  route: TopicRoute,
  clock: Pick<Clock, 'nowMs'>,
): MillraceError | null {
  if (record.partition !== undefined && record.partition >= route.partitionCount) {
    return unknownPartition(route, record.partition);
  }
  if (record.key === null && route.config.cleanupPolicy.includes('compact')) return withoutKey(route);
  const batchBytes = BATCH_HEADER_BYTES + record.encodedBytes;
  if (batchBytes > route.config.maxMessageBytes) return tooLarge(batchBytes, route);
  if (record.timestampMs === undefined || route.config.messageTimestampType === 'LogAppendTime') return null;
  return checkTimestamp(record.timestampMs, route, clock.nowMs());
}

/** As Kafka's `LogValidator`: where the last record of each key is kept, one without a key has no place. */
function withoutKey({ name }: TopicRoute): MillraceError {
  return new MillraceError('INVALID_RECORD', `a record without a key, and topic ${name} is compacted by key`, {
    value: null,
    hint: 'Give every record a key, or take compact out of cleanup.policy of the topic.',
  });
}

function tooLarge(batchBytes: number, { name, config }: TopicRoute): MillraceError {
  return new MillraceError(
    'MESSAGE_TOO_LARGE',
    `the record takes up to ${batchBytes} bytes with its batch, and topic ${name} allows ${config.maxMessageBytes}`,
    {
      value: batchBytes,
      hint: 'Raise max.message.bytes of the topic, or store the payload elsewhere and send where it is. Compression is not counted in.',
    },
  );
}

function checkTimestamp(timestampMs: bigint, { name, config }: TopicRoute, nowMs: number): MillraceError | null {
  const aheadMs = timestampMs - BigInt(Math.floor(nowMs));
  if (aheadMs > config.messageTimestampAfterMaxMs) {
    return invalidTimestamp(
      timestampMs,
      `${aheadMs} ms ahead of now, and topic ${name} allows ${config.messageTimestampAfterMaxMs}`,
      'message.timestamp.after.max.ms',
    );
  }
  if (-aheadMs > config.messageTimestampBeforeMaxMs) {
    return invalidTimestamp(
      timestampMs,
      `${-aheadMs} ms old, and topic ${name} allows ${config.messageTimestampBeforeMaxMs}`,
      'message.timestamp.before.max.ms',
    );
  }
  return null;
}

function invalidTimestamp(timestampMs: bigint, problem: string, setting: string): MillraceError {
  return new MillraceError('INVALID_TIMESTAMP', `the timestamp ${timestampMs} is ${problem}`, {
    value: timestampMs,
    hint: `Check that it is in milliseconds, or raise ${setting} of the topic.`,
  });
}
