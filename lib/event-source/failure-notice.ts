/**
 * What a queue, an SNS topic or a bucket is told of records that were given up: Lambda's record of a failed invocation, with the record itself in it, since a pointer is worth nothing once the data has expired. Source: "Configuring on-failure
 * destinations for Kafka event sources" in the Lambda developer guide.
 */
import type { DeadRecord } from './event-source-deps.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { kafkaEvent } from './push/kafka-event.ts';

/** One JSON text for each record. */
export function failureNotices(
  { target, topic, topicId }: FunctionSubscription,
  records: readonly DeadRecord[],
  nowMs: number,
): readonly string[] {
  const origin = { eventSourceArn: `millrace:${topicId}`, bootstrapServers: '', region: '' };
  return records.map(({ record, reason, failures, error }) => {
    const { partition, offset, timestampMs } = record;
    const payload = kafkaEvent.wrap([kafkaEvent.encode(record, origin)], record, origin);
    return JSON.stringify({
      requestContext: {
        requestId: `${topic}-${partition}-${offset}`,
        functionArn: target,
        condition: reason,
        approximateInvokeCount: failures,
      },
      responseContext:
        reason === 'MaximumPayloadSizeExceeded'
          ? null
          : { statusCode: 200, executedVersion: '$LATEST', functionError: error },
      version: '1.0',
      timestamp: new Date(nowMs).toISOString(),
      KafkaBatchInfo: {
        batchSize: 1,
        eventSourceArn: origin.eventSourceArn,
        bootstrapServers: origin.bootstrapServers,
        payloadSize: Buffer.byteLength(payload),
        recordsInfo: {
          [`${topic}-${partition}`]: {
            firstRecordOffset: `${offset}`,
            lastRecordOffset: `${offset}`,
            firstRecordTimestamp: new Date(Number(timestampMs)).toISOString(),
            lastRecordTimestamp: new Date(Number(timestampMs)).toISOString(),
          },
        },
      },
      payload,
    });
  });
}
