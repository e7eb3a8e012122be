import { describe, expect, it } from 'vitest';
import { HOPS_HEADER, hopsFrom, hopsOf, isLooping, MAX_HOPS } from '../../lib/event-source/hops.ts';
import { kafkaEvent } from '../../lib/event-source/push/kafka-event.ts';
import { kinesisEvent } from '../../lib/event-source/push/kinesis-event.ts';
import { sqsEvent } from '../../lib/event-source/push/sqs-event.ts';
import { PulledRecord } from '../../lib/middleware/pulled-record.ts';
import { eventAt } from './event-fixtures.ts';

const origin = { eventSourceArn: 'arn', bootstrapServers: '', region: 'local' };
const withHops = (offset: number, hops: string) =>
  eventAt(offset, { headers: [{ key: HOPS_HEADER, value: Buffer.from(hops) }] });
const batch = [eventAt(0), withHops(1, '4'), withHops(2, '2')];

describe('the hops of what is sent', () => {
  it.each([
    [
      'a Kafka event',
      JSON.parse(
        kafkaEvent.wrap(
          batch.map((one) => kafkaEvent.encode(one, origin)),
          batch[0]!,
          origin,
        ),
      ),
    ],
    [
      'an SQS event',
      JSON.parse(
        sqsEvent.wrap(
          batch.map((one) => sqsEvent.encode(one, origin)),
          batch[0]!,
          origin,
        ),
      ),
    ],
    ['a batch that is pulled', { records: batch.map((one) => new PulledRecord(one, null, null)) }],
    ['one record', new PulledRecord(withHops(1, '4'), null, null)],
  ])('by a handler of %s are one more than the most', (_, event) => {
    expect(hopsFrom(event)).toBe(5);
  });

  it('are one where the records come from outside', () => {
    expect(hopsFrom({ records: { 'orders-0': [JSON.parse(kafkaEvent.encode(eventAt(0), origin))] } })).toBe(1);
  });

  it.each([
    [{ body: '{}' }],
    [null],
    ['text'],
    [JSON.parse(kinesisEvent.wrap([kinesisEvent.encode(eventAt(0), origin)], eventAt(0), origin))],
  ])('are not counted for any other event: %j', (event) => {
    expect(hopsFrom(event)).toBeNull();
  });
});

describe('the hops of a record', () => {
  it.each([
    ['3', 3],
    ['', 0],
    ['-1', 0],
    ['1e3', 0],
    ['99999999999', 0],
  ])('of the header %j are %i', (text, hops) => {
    expect(hopsOf(withHops(0, text))).toBe(hops);
  });

  it('are too many from the limit on', () => {
    expect(isLooping(withHops(0, `${MAX_HOPS - 1}`))).toBe(false);
    expect(isLooping(withHops(0, `${MAX_HOPS}`))).toBe(true);
    expect(isLooping(eventAt(0))).toBe(false);
  });
});
