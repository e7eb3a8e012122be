/** Real clients that log in to a gateway over TLS. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { type Gateway, startGateway } from '../../lib/gateway/gateway.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { kafkaClassPath } from '../../tools/kafka/kafka-jars.ts';
import { runProgram } from '../../tools/kafka/run-program.ts';

const SET_UP_TIMEOUT_MS = 300_000;
const CERTIFICATE = fileURLToPath(new URL('../fixtures/tls/cert.pem', import.meta.url));
const KEY = fileURLToPath(new URL('../fixtures/tls/key.pem', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'millrace-security-'));

let gateway: Gateway;
let classPath: string;

beforeAll(async () => {
  classPath = await kafkaClassPath();
  const store = memoryStore({ clock, meter: noMeter });
  gateway = await startGateway({
    store,
    clock,
    random,
    changes: store.changes,
    port: 0,
    autoCreateTopics: true,
    users: new Map([['ada', 'a-long-password']]),
    tls: { cert: readFileSync(CERTIFICATE, 'utf8'), key: readFileSync(KEY, 'utf8') },
  });
}, SET_UP_TIMEOUT_MS);

afterAll(async () => {
  await gateway?.close();
  rmSync(folder, { recursive: true, force: true });
});

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];

describe.each(mechanisms)('%s', (mechanism) => {
  it("lets Kafka's own client in by its password, and by no other", async () => {
    const list = async (password: string) => {
      const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule';
      const file = join(folder, 'client.properties');
      writeFileSync(
        file,
        [
          'security.protocol=SASL_SSL',
          `sasl.mechanism=${mechanism}`,
          `sasl.jaas.config=org.apache.kafka.common.security.${module} required username="ada" password="${password}";`,
          'ssl.truststore.type=PEM',
          `ssl.truststore.location=${CERTIFICATE}`,
        ].join('\n'),
      );
      const args = ['--bootstrap-server', `127.0.0.1:${gateway.port}`, '--command-config', file, '--list'];
      const java = ['-XX:TieredStopAtLevel=1', '-cp', classPath, 'org.apache.kafka.tools.TopicCommand'];
      return runProgram('java', [...java, ...args]);
    };
    await expect(list('a-long-password')).resolves.toBeDefined();
    await expect(list('another-password')).rejects.toThrow('Authentication failed');
  });

  it('lets kafkajs in', async () => {
    const sasl = { mechanism: mechanism.toLowerCase(), username: 'ada', password: 'a-long-password' } as SASLOptions;
    const ssl = { ca: [readFileSync(CERTIFICATE)] };
    const kafka = new Kafka({ brokers: [`127.0.0.1:${gateway.port}`], ssl, sasl, logLevel: logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    const [sent] = await producer.send({ topic: mechanism.toLowerCase(), messages: [{ value: 'x' }] });
    expect(sent).toMatchObject({ errorCode: 0, baseOffset: '0' });
    await producer.disconnect();
  });
});
