/** A third party's interface for people, kaskade: what its screens show of a gateway, and of Apache Kafka's own broker. */
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterEach, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { startGateway } from '../../lib/gateway/gateway.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { startBroker } from '../../tools/kafka/broker.ts';
import { runLibrdkafka } from '../../tools/kafka/librdkafka.ts';

const RECORDS = 7;
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function startOurs(): Promise<number> {
  const store = memoryStore({ clock });
  const gateway = await startGateway({ store, clock, random, changes: store.changes, port: 0 });
  ends.push(() => gateway.close());
  return gateway.port;
}

async function startKafkas(): Promise<number> {
  const broker = await startBroker();
  ends.push(() => broker.stop());
  return broker.port;
}

/** A topic with records, and a group that has read some of them. */
async function fill(port: number): Promise<void> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 2 }], waitForLeaders: true });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = Array.from({ length: RECORDS }, (_, number) => {
    return { partition: number % 2, key: `k${number}`, value: `v${number}`, headers: { number: String(number) } };
  });
  await producer.send({ topic: 'orders', messages });
  await producer.disconnect();
  const partitions = [
    { partition: 0, offset: '2' },
    { partition: 1, offset: '1' },
  ];
  await admin.setOffsets({ groupId: 'billing', topic: 'orders', partitions });
  await admin.disconnect();
}

interface Screens {
  readonly topics: readonly Readonly<Record<string, string>>[];
  readonly records: readonly Readonly<Record<string, string>>[];
}

async function screensOf(port: number) {
  const screens = await runLibrdkafka('kaskade_screens', [`127.0.0.1:${port}`, 'orders', String(RECORDS)]);
  const { topics, records } = JSON.parse(screens) as Screens;
  const { Timestamp: _, ...record } = records[0]!;
  const contents = records.map((one) => `${one.Partition}/${one.Offset} ${one.Key}=${one.Value} ${one.Headers}`);
  return {
    topics: topics.filter(({ name }) => name === 'orders'),
    columns: Object.keys(record),
    contents: contents.toSorted(),
  };
}

it('shows topics, groups, lag and records of a gateway, as of a broker', async () => {
  const [ours, kafkas] = [await startOurs(), await startKafkas()];
  for (const port of [ours, kafkas]) await fill(port);
  const shown = await screensOf(ours);
  expect(shown.topics).toEqual([
    {
      name: 'orders',
      partitions: '2',
      replicas: '1',
      isrs: '1',
      groups: '1',
      members: '0',
      records: '≈7',
      lag: '≈4',
    },
  ]);
  expect(shown.contents).toEqual(
    [
      '0/0 k0=v0 1',
      '0/1 k2=v2 1',
      '0/2 k4=v4 1',
      '0/3 k6=v6 1',
      '1/0 k1=v1 1',
      '1/1 k3=v3 1',
      '1/2 k5=v5 1',
    ].toSorted(),
  );
  expect(await screensOf(kafkas)).toEqual(shown);
});
