/** What administers: each client makes a topic, changes it, seeks in it, deletes records, a group and the topic, and is told the same by a gateway as by Apache Kafka's own broker. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { startGateway } from '../../lib/gateway/gateway.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { administerWithKafkajs } from '../../tools/kafka/administer-with-kafkajs.ts';
import { administerWithPlatformatic } from '../../tools/kafka/administer-with-platformatic.ts';
import { expectedOfAdministration, START_MS, type Told } from '../../tools/kafka/administration.ts';
import { startBroker } from '../../tools/kafka/broker.ts';
import { goProgram } from '../../tools/kafka/go-programs.ts';
import { runLibrdkafka } from '../../tools/kafka/librdkafka.ts';
import { runProgram } from '../../tools/kafka/run-program.ts';

const SET_UP_TIMEOUT_MS = 300_000;

const clients: Readonly<Record<string, (port: number) => Promise<Told>>> = {
  kafkajs: administerWithKafkajs,
  '@platformatic/kafka': administerWithPlatformatic,
  librdkafka: async (port) =>
    JSON.parse(await runLibrdkafka('administer', [`127.0.0.1:${port}`, 'librdkafka', 'librdkafka', String(START_MS)])),
  sarama: async (port) => {
    const args = [`127.0.0.1:${port}`, 'sarama', 'sarama', String(START_MS)];
    return JSON.parse(await runProgram(await goProgram('administer'), args));
  },
};

const ports = { gateway: 0, broker: 0 };
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const store = memoryStore({ clock });
  const groups = { initialRebalanceDelayMs: 0 };
  const gateway = await startGateway({ store, clock, random, changes: store.changes, port: 0, groups });
  ends.push(() => gateway.close());
  const broker = await startBroker();
  ends.push(() => broker.stop());
  Object.assign(ports, { gateway: gateway.port, broker: broker.port });
}, SET_UP_TIMEOUT_MS);

afterAll(async () => {
  for (const end of ends.splice(0)) await end();
});

describe.each(Object.entries(clients))('%s', (_, administer) => {
  it.each(['gateway', 'broker'] as const)('administers and seeks at a %s', async (server) => {
    expect(await administer(ports[server])).toEqual(expectedOfAdministration);
  });
});
