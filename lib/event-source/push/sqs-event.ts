/**
 * The event of an SQS queue: the value is the body, headers are message attributes, the key is the message group. Source: "Using Lambda with Amazon SQS" in the Lambda developer guide.
 */
import { createHash } from 'node:crypto';
import type { ReceivedEvent } from '../received-event.ts';
import type { EventFormat, EventOrigin } from './event-format.ts';

const decoder = new TextDecoder();

function encode(record: ReceivedEvent, { eventSourceArn, region }: EventOrigin): string {
  const { offset, timestampMs, keyBytes, valueBytes, headers } = record;
  const body = valueBytes === null ? '' : decoder.decode(valueBytes);
  const id = messageId(record);
  return JSON.stringify({
    messageId: id,
    receiptHandle: id,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: `${timestampMs}`,
      SenderId: 'millrace',
      ApproximateFirstReceiveTimestamp: `${timestampMs}`,
      SequenceNumber: `${offset}`,
      ...(keyBytes !== null && { MessageGroupId: decoder.decode(keyBytes) }),
    },
    messageAttributes: Object.fromEntries(
      headers.map(({ key, value }) => [
        key,
        {
          stringValue: value === null ? '' : decoder.decode(value),
          stringListValues: [],
          binaryListValues: [],
          dataType: 'String',
        },
      ]),
    ),
    md5OfBody: createHash('md5').update(body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: eventSourceArn,
    awsRegion: region,
  });
}

function messageId({ topic, partition, offset }: Pick<ReceivedEvent, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}-${partition}-${offset}`;
}

/** See the module comment. */
export const sqsEvent: EventFormat = {
  encode,
  wrap: (encoded) => `{"Records":[${encoded.join(',')}]}`,
  shardId: ({ topic, partition }) => `${topic}-${partition}`,
  offsetOf(identifier, { topic, partition }) {
    const prefix = messageId({ topic, partition, offset: 0n }).slice(0, -1);
    const digits =
      typeof identifier === 'string' && identifier.startsWith(prefix) ? identifier.slice(prefix.length) : '';
    return /^\d{1,19}$/.test(digits) ? BigInt(digits) : null;
  },
};
