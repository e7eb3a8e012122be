/** Clients that want transactions: each is told at once, by its own words, that there are none. */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { type Gateway, startGateway } from '../../lib/gateway/gateway.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { kafkaClassPath } from '../../tools/kafka/kafka-jars.ts';
import { librdkafkaPython } from '../../tools/kafka/librdkafka.ts';
import { runProgram } from '../../tools/kafka/run-program.ts';

const SET_UP_TIMEOUT_MS = 300_000;
/** Far more than any of them takes, far less than they would wait for a coordinator. */
const TIMEOUT_MS = 30_000;
const WORDS = 'Transactions are not supported here. Leave transactional.id unset';

let gateway: Gateway;
let address: string;

beforeAll(async () => {
  const store = memoryStore({ clock });
  gateway = await startGateway({ store, clock, random, changes: store.changes, port: 0 });
  address = `127.0.0.1:${gateway.port}`;
  await Promise.all([kafkaClassPath(), librdkafkaPython()]);
}, SET_UP_TIMEOUT_MS);

afterAll(() => gateway.close());

describe('a client that wants transactions is refused', () => {
  it('by Java', async () => {
    const args = ['--topic', 'none', '--num-records', '1', '--record-size', '1', '--throughput', '-1'];
    const more = ['--bootstrap-server', address, '--transactional-id', 't', '--transaction-duration-ms', '100'];
    const tool = 'org.apache.kafka.tools.ProducerPerformance';
    const running = runProgram('java', ['-cp', await kafkaClassPath(), tool, ...args, ...more], {
      timeoutMs: TIMEOUT_MS,
    });
    await expect(running).rejects.toThrow(WORDS);
  });

  it('by librdkafka', async () => {
    const program = [
      'from confluent_kafka import Producer, KafkaException',
      `producer = Producer({'bootstrap.servers': '${address}', 'transactional.id': 't'})`,
      'try: producer.init_transactions(120)',
      'except KafkaException as error: print(error.args[0].name(), error.args[0].str(), error.args[0].fatal())',
    ].join('\n');
    const printed = await runProgram(await librdkafkaPython(), ['-c', program], { timeoutMs: TIMEOUT_MS });
    expect(printed).toContain('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    expect(printed).toContain(WORDS);
    expect(printed.trim()).toMatch(/True$/);
  });

  it('by kafkajs', async () => {
    const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 1 } });
    const producer = kafka.producer({ transactionalId: 't', idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await expect(producer.transaction()).rejects.toThrow(/coordinator/);
    await producer.disconnect();
  });
});
