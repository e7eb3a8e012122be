/** Real clients against a gateway, as they are: what each writes, all read, byte for byte, and the same as from Apache Kafka's own broker. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { type Gateway, startGateway } from '../../lib/gateway/gateway.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import type { LogRecord } from '../../lib/record/record.ts';
import { type Broker, startBroker } from '../../tools/kafka/broker.ts';
import { type FixtureCase, fixtureCases } from '../../tools/kafka/fixture-cases.ts';
import { produceBytes } from '../../tools/kafka/wire.ts';
import { writers } from '../../tools/kafka/writers.ts';
import { describeRecord } from '../record/golden-fixtures.ts';
import { type ConsumedRecord, consumers, goConsumers } from './consumers.ts';
import { createTopics } from './create-topics.ts';
import { encodeForProduce, producedTopics, readableRecords } from './our-batches.ts';

/** The first run fetches Kafka and librdkafka. */
const SET_UP_TIMEOUT_MS = 300_000;

/** The fixtures have what the compressors in Go write, not what is written without one. */
const uncompressedInGo = fixtureCases
  .filter(({ name }) => name === 'sarama-lz4' || name === 'franz-lz4')
  .map((one): FixtureCase => {
    const name = `${one.client}-none`;
    return { ...one, name, jobs: one.jobs.map((job) => ({ ...job, topic: name, compression: 'none' })) };
  });
/** Every codec of every client, and idempotent producers, in topics with default settings; no transactions, of which there are none. */
const cases = [...fixtureCases, ...uncompressedInGo].filter(
  ({ jobs, topicConfig }) =>
    Object.keys(topicConfig).length === 0 && jobs.every(({ transactionalId }) => transactionalId === undefined),
);
const plain = producedTopics.filter(({ batches }) => batches.every(({ options }) => options.transactional !== true));

let gateway: Gateway;
let broker: Broker;

beforeAll(async () => {
  const store = memoryStore({ clock, meter: noMeter });
  gateway = await startGateway({
    store,
    clock,
    random,
    changes: store.changes,
    port: 0,
    groups: { initialRebalanceDelayMs: 0 },
  });
  broker = await startBroker();
  for (const { port } of [gateway, broker]) await writeAll(port);
}, SET_UP_TIMEOUT_MS);

async function writeAll(port: number): Promise<void> {
  await createTopics(
    port,
    [...plain, ...cases].map(({ name }) => name),
  );
  for (const topic of plain) {
    for (const batch of encodeForProduce(topic)) {
      const { errorCode, message } = await produceBytes(port, topic.name, batch);
      if (errorCode !== 0) throw new Error(`${topic.name}: ${errorCode} ${message}`);
    }
  }
  for (const [client, write] of Object.entries(writers)) {
    const own = cases.filter((one) => one.client === client);
    await write(
      port,
      own.flatMap(({ jobs }) => jobs),
    );
  }
}

afterAll(async () => {
  await gateway?.close();
  await broker?.stop();
});

/** What a client was given to write, in the form of what is read. */
function written({ jobs, client }: FixtureCase): LogRecord[] {
  const decode = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));
  const records = jobs.flatMap((job) => job.batches.flatMap(({ records: own }) => own));
  return records.map(({ key, value, headers, timestampMs }, offset) => ({
    offset: BigInt(offset),
    timestampMs: BigInt(timestampMs),
    key: decode(key),
    value: decode(value),
    headers: headers.map(([name, encoded]) => {
      // Those in Node have no null value of a header.
      return {
        key: name,
        value: decode(encoded) ?? (client === 'kafkajs' || client === 'platformatic' ? Buffer.alloc(0) : null),
      };
    }),
  }));
}

const names = [...plain, ...cases].map(({ name }) => name);
const recordCount =
  plain.reduce((sum, topic) => sum + readableRecords(topic).length, 0) +
  cases.reduce((sum, one) => sum + written(one).length, 0);

describe.each([...consumers, ...goConsumers])('$name', ({ consume }) => {
  let consumed: ConsumedRecord[];

  beforeAll(async () => {
    consumed = await consume(gateway.port, names, recordCount);
  }, SET_UP_TIMEOUT_MS);

  it("reads the same from Kafka's broker", async () => {
    const others = await consume(broker.port, names, recordCount);
    const described = (records: readonly ConsumedRecord[]) => {
      return records.map((record) => `${record.topic} ${JSON.stringify(describeRecord(record))}`).toSorted();
    };
    expect(described(consumed)).toEqual(described(others));
  });

  it.each(plain)('reads our batches of $name from a gateway', (topic) => {
    const read = consumed.filter((record) => record.topic === topic.name);
    expect(read.map(describeRecord)).toEqual(readableRecords(topic).map(describeRecord));
  });

  it.each(cases)('reads what was written as $name', (one) => {
    const read = consumed.filter((record) => record.topic === one.name);
    expect(read.map(describeRecord)).toEqual(written(one).map(describeRecord));
  });
});
