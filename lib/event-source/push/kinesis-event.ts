/**
 * The event of a Kinesis stream: the partition stands for the shard, the offset for the sequence number. Headers have no place in it. Source: "Using AWS Lambda with Amazon Kinesis" in the Lambda developer guide.
 */
import { idempotencyKey } from '../idempotency-key.ts';
import type { ReceivedEvent } from '../received-event.ts';
import { base64, type EventFormat, type EventOrigin, type EventPlace } from './event-format.ts';

const decoder = new TextDecoder();
const SHARD_DIGITS = 12;

const shardId = ({ partition }: EventPlace) => `shardId-${String(partition).padStart(SHARD_DIGITS, '0')}`;

function encode(record: ReceivedEvent, { eventSourceArn, region }: EventOrigin): string {
  const { offset, timestampMs, keyBytes, valueBytes } = record;
  return JSON.stringify({
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: keyBytes === null ? `${offset}` : decoder.decode(keyBytes),
      sequenceNumber: `${offset}`,
      data: valueBytes === null ? '' : base64(valueBytes),
      approximateArrivalTimestamp: Number(timestampMs) / 1000,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    // Behind the shard it is opaque; functions answer with the sequence number.
    eventID: `${shardId(record)}:${idempotencyKey(record)}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: 'arn:aws:iam::000000000000:role/millrace',
    awsRegion: region,
    eventSourceARN: eventSourceArn,
  });
}

/** See the module comment. */
export const kinesisEvent: EventFormat = {
  encode,
  wrap: (encoded) => `{"Records":[${encoded.join(',')}]}`,
  shardId,
  offsetOf: (identifier) =>
    typeof identifier === 'string' && /^\d{1,19}$/.test(identifier) ? BigInt(identifier) : null,
};
