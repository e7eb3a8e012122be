import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../tools/kafka/broker.ts';
import { type ProduceAnswer, produceBytes } from '../../tools/kafka/wire.ts';
import { describeRecord } from '../record/golden-fixtures.ts';
import { type ConsumedRecord, consumers } from './consumers.ts';
import { createTopics } from './create-topics.ts';
import { encodeForProduce, producedTopics, readableRecords } from './our-batches.ts';

/** The first run fetches Kafka and librdkafka. */
const SET_UP_TIMEOUT_MS = 300_000;
const CORRUPT_MESSAGE = 2;
const DAMAGED = 'damaged';

const names = producedTopics.map(({ name }) => name);
const recordCount = producedTopics.reduce((sum, topic) => sum + readableRecords(topic).length, 0);

let broker: Broker;
const answers = new Map<string, ProduceAnswer[]>();

beforeAll(async () => {
  broker = await startBroker();
  await createTopics(broker.port, [...names, DAMAGED]);
  for (const topic of producedTopics) {
    const given: ProduceAnswer[] = [];
    for (const batch of encodeForProduce(topic)) given.push(await produceBytes(broker.port, topic.name, batch));
    answers.set(topic.name, given);
  }
}, SET_UP_TIMEOUT_MS);

afterAll(async () => {
  await broker?.stop();
});

describe('a Kafka broker', () => {
  it.each(producedTopics)('takes our batches of $name by Produce, each at the offset behind the last', (topic) => {
    let nextOffset = 0n;
    const expected = topic.batches.map(({ records }) => {
      const baseOffset = nextOffset;
      nextOffset += BigInt(records.length);
      return { errorCode: 0, baseOffset, message: null };
    });
    expect(answers.get(topic.name)).toEqual(expected);
  });

  it('refuses a batch of ours with one other bit, so that what it takes it has checked', async () => {
    const bytes = encodeForProduce(producedTopics[0]!)[0]!;
    bytes[bytes.length - 1]! ^= 1;
    expect(await produceBytes(broker.port, DAMAGED, bytes)).toMatchObject({ errorCode: CORRUPT_MESSAGE });
  });
});

describe.each(consumers)('$name', ({ consume, tellsTimestampType }) => {
  let consumed: ConsumedRecord[];

  beforeAll(async () => {
    consumed = await consume(broker.port, names, recordCount);
  }, SET_UP_TIMEOUT_MS);

  it.each(producedTopics)('reads our records of $name', (topic) => {
    const read = consumed.filter((record) => record.topic === topic.name);
    expect(read.map(describeRecord)).toEqual(readableRecords(topic).map(describeRecord));
    const types = new Set(read.map(({ timestampType }) => timestampType));
    expect(types).toEqual(new Set([tellsTimestampType ? 'CreateTime' : undefined]));
  });
});
