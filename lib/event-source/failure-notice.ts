/**
 * What a queue, an SNS topic or a bucket is told of records that were given up: Lambda's record of a failed invocation, with the record itself in it, since a pointer is worth nothing once the data has expired. Source: "Capturing discarded
 * batches for Amazon MSK and self-managed Apache Kafka event sources" in the Lambda developer guide.
 *
 * A record that has been in retry topics is told of as what it was at first.
 */
import type { DeadRecord } from './event-source-deps.ts';
import { failureHeader, MAX_ERROR_CHARACTERS, recordOrigin, withoutFailureHeaders } from './failed-record.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { FailureNotice } from './notice-sender.ts';
import { kafkaEvent } from './push/kafka-event.ts';

/** How it is told. */
export interface FailureNoticeOptions {
  /** The subscription, without its retry topics. */
  readonly group: string;
  readonly nowMs: number;
  /** The topic that has the record, in the place of the record itself; null: it is in the notice. */
  readonly payloadTopic: string | null;
}

/** The notice of one record. */
export function failureNotice(
  { target, topicId }: FunctionSubscription,
  { record, reason, failures, error }: DeadRecord,
  { group, nowMs, payloadTopic }: FailureNoticeOptions,
): FailureNotice {
  const origin = { eventSourceArn: `millrace:${topicId}`, bootstrapServers: '', region: '' };
  const from = recordOrigin(record);
  const { topic, partition, offset } = from;
  const first = { ...record, ...from, headers: withoutFailureHeaders(record.headers) };
  const payload = kafkaEvent.wrap([kafkaEvent.encode(first, origin)], first, origin);
  const timestamp = isoTime(from.timestampMs);
  const notice = {
    requestContext: {
      requestId: `${topic}-${partition}-${offset}`,
      functionArn: target,
      condition: reason,
      approximateInvokeCount: Number(failureHeader(record, 'attempts') ?? 0) + failures,
    },
    responseContext:
      // It was not called.
      failures === 0
        ? null
        : { statusCode: 200, executedVersion: '$LATEST', functionError: error.slice(0, MAX_ERROR_CHARACTERS) },
    version: '1.0',
    timestamp: isoTime(BigInt(nowMs)),
    KafkaBatchInfo: {
      batchSize: 1,
      eventSourceArn: origin.eventSourceArn,
      bootstrapServers: origin.bootstrapServers,
      payloadSize: Buffer.byteLength(payload),
      recordsInfo: {
        [`${topic}-${partition}`]: {
          firstRecordOffset: `${offset}`,
          lastRecordOffset: `${offset}`,
          firstRecordTimestamp: timestamp,
          lastRecordTimestamp: timestamp,
        },
      },
    },
    ...(payloadTopic === null ? { payload } : { payloadTopic }),
  };
  return { body: xmlSafe(JSON.stringify(notice)), group, topic, partition, offset, atMs: nowMs };
}

/** The last millisecond that `Date` knows. */
const LAST_MS = 8_640_000_000_000_000n;

/** A producer may have given any timestamp. */
function isoTime(ms: bigint): string {
  return new Date(Number(ms > LAST_MS || ms < 0n ? 0n : ms)).toISOString();
}

/** JSON escapes what is below a space and lone surrogates; XML has no place for these two either. They can stand in texts only. */
function xmlSafe(json: string): string {
  return json.replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}
