import { describe, expect, it } from 'vitest';
import type { DeadRecord } from '../../lib/event-source/event-source-deps.ts';
import { failedRecord } from '../../lib/event-source/failed-record.ts';
import type { GivenRecord } from '../../lib/event-source/given-record.ts';
import { idempotencyKey } from '../../lib/event-source/idempotency-key.ts';
import type { EventFormat } from '../../lib/event-source/push/event-format.ts';
import { kafkaEvent } from '../../lib/event-source/push/kafka-event.ts';
import { kinesisEvent } from '../../lib/event-source/push/kinesis-event.ts';
import { sqsEvent } from '../../lib/event-source/push/sqs-event.ts';
import type { ReceivedEvent } from '../../lib/event-source/received-event.ts';
import { PulledRecord } from '../../lib/middleware/pulled-record.ts';
import { eventAt } from './event-fixtures.ts';

const origin = { eventSourceArn: 'arn', bootstrapServers: '', region: 'local' };
const through = (format: EventFormat) => (record: ReceivedEvent) =>
  idempotencyKey(JSON.parse(format.encode(record, origin)) as GivenRecord);

const FORMS: readonly (readonly [string, (record: ReceivedEvent) => string])[] = [
  ['pulled', (record) => idempotencyKey(new PulledRecord(record, null, null))],
  ['of a Kafka event', through(kafkaEvent)],
  ['of a Kinesis event', through(kinesisEvent)],
  ['of an SQS event', through(sqsEvent)],
  [
    'as Powertools decodes it',
    (record) =>
      idempotencyKey({
        topic: record.topic,
        partition: record.partition,
        offset: Number(record.offset),
        timestamp: Number(record.timestampMs),
        headers: record.headers.map(({ key, value }) => ({ [key]: Buffer.from(value!).toString() })),
      }),
  ],
];

/** A record as it comes back by a topic after it failed. */
function again(record: ReceivedEvent, topic: string, group = 'billing'): ReceivedEvent {
  const dead: DeadRecord = { record, reason: 'RetryAttemptsExhausted', failures: 1, error: '', stack: '' };
  const { key, value, headers } = failedRecord(dead, group, { nowMs: 9, dueMs: 10 });
  return eventAt(5, { topic, partition: 7, timestampMs: 11n, keyBytes: key, valueBytes: value, headers });
}

describe.each(FORMS)('the key of a record %s', (_, keyOf) => {
  const first = eventAt(42, { topic: 'orders-eu-1', partition: 3 });

  it('says where it stands, and when it was made', () => {
    expect(keyOf(first)).toBe('orders-eu-1-3-42-1764000000000');
  });

  it.each([['billing.retry-1'], ['billing.retry-10'], ['billing.redrive']])('stays the same by way of %s', (topic) => {
    expect(keyOf(again(first, topic))).toBe(keyOf(first));
  });

  it('stays the same by way of one retry topic after the other', () => {
    expect(keyOf(again(again(first, 'billing.retry-1'), 'billing.retry-2'))).toBe(keyOf(first));
  });

  it('is its own where a function has copied its headers into another topic', () => {
    const copied = again(first, 'invoices');
    expect(keyOf(copied)).toBe('invoices-7-5-11');
    expect(keyOf(again(first, 'shipping.retry-1'))).toBe('shipping.retry-1-7-5-11');
  });
});

describe('what is no record', () => {
  it.each([[{}], [{ topic: 'orders' }], [{ messageId: '059f36b4', attributes: {}, messageAttributes: {} }]])(
    'is refused: %j',
    (record) => {
      expect(() => idempotencyKey(record as unknown as GivenRecord)).toThrow('no record of an event of Millrace');
    },
  );
});
