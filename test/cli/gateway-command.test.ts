import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metadataApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { saslAuthenticateApi, saslHandshakeApi } from '../../lib/gateway/protocol/messages/sasl-messages.ts';
import { decodeBatch } from '../../lib/record/decode-batch.ts';
import { createTopic, fetchFrom, produce, textBatch } from '../gateway/gateway-stage.ts';
import { WireClient } from '../gateway/wire-client.ts';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;
const clients: WireClient[] = [];

beforeEach(async () => {
  stage = await cliStage();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** Runs a command that serves, until the body is done; what it wrote. */
async function serving(
  args: readonly string[],
  body: (client: WireClient) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
) {
  const stop = new AbortController();
  let output = '';
  const listening = Promise.withResolvers<void>();
  const onOutput = (chunk: Buffer) => {
    output += chunk.toString();
    if (/kafka +\S+:\d+[\s\S]*\n/.test(output)) listening.resolve();
    return undefined;
  };
  const running = stage.run([...args], { interrupts: stop.signal, onOutput, env });
  await Promise.race([listening.promise, running]);
  const port = Number(/(?:listens|kafka) +127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
  const client = new WireClient(port);
  clients.push(client);
  await body(client);
  stop.abort('SIGINT');
  return { ...(await running), output };
}

describe('millrace gateway', () => {
  it('serves clients written for Kafka, and the log is the same for all others', async () => {
    const ended = await serving(['gateway', '--port', '0'], async (client) => {
      await createTopic(client, 'orders');
      expect(await produce(client, 'orders', textBatch(['paid']))).toMatchObject({ errorCode: 0, baseOffset: 0n });
      await stage.ok(['produce', 'orders'], { stdin: 'sent\n' });
      const { records, highWatermark } = await fetchFrom(client, 'orders', 1n);
      expect(highWatermark).toBe(2n);
      expect(Buffer.from(decodeBatch(records!).value(0)!).toString()).toBe('sent');
    });
    expect(ended).toMatchObject({ status: 0, complaint: '' });
    expect(await stage.ok(['consume', 'orders', '--exit-at-end'])).toContain('paid\nsent');
  });

  it('tells clients the address that they are to use, and who was closed and why', async () => {
    const args = ['gateway', '--port', '0', '--advertise', 'kafka.example.com:19092'];
    const ended = await serving(args, async (client) => {
      const { brokers } = await client.ask(metadataApi, 12, { topics: [] });
      expect(brokers).toMatchObject([{ host: 'kafka.example.com', port: 19092 }]);
      client.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      await client.closed();
    });
    expect(ended.complaint).toMatch(
      /^closed 127\.0\.0\.1: .*a request of 1195725856 bytes \(it begins as HTTP does\) .*\(INVALID_REQUEST\)\n$/,
    );
  });

  it.each(['kafka', ':1', 'a:0', 'a:70000', '[::1:9092'])('refuses to advertise %s', async (address) => {
    const ended = await stage.run(['gateway', '--advertise', address]);
    expect(ended.status).toBe(2);
    expect(ended.complaint).toContain('is no address');
  });

  it.each([
    [['--users', 'nothing.txt'], 'nothing.txt cannot be read'],
    [['--users', '{directory}/empty.txt'], 'does not name users and their passwords'],
    [['--users', '{directory}/bad.txt'], 'does not name users and their passwords'],
    [['--users', '{directory}/twice.txt'], 'names a user twice'],
    [['--tls-cert', '{directory}/bad.txt'], 'a certificate and its key belong together'],
    [
      ['--tls-cert', '{directory}/bad.txt', '--tls-key', '{directory}/bad.txt'],
      'the certificate or its key cannot be used',
    ],
  ])('refuses %s', async (args, message) => {
    writeFileSync(join(stage.directory, 'empty.txt'), '# nobody\n');
    writeFileSync(join(stage.directory, 'bad.txt'), 'ada:secret\nbob\n');
    writeFileSync(join(stage.directory, 'twice.txt'), 'ada:one\nada:other\n');
    const given = args.map((arg) => arg.replace('{directory}', stage.directory));
    const ended = await stage.run(['gateway', '--port', '0', ...given]);
    expect(ended.status).toBe(2);
    expect(ended.complaint).toContain(message);
  });

  it('lets in only those that a file names', async () => {
    const file = join(stage.directory, 'users.txt');
    writeFileSync(file, '# people\nada:a:colon in it\n');
    await serving(['gateway', '--port', '0', '--users', file], async (client) => {
      await client.ask(saslHandshakeApi, 1, { mechanism: 'PLAIN' });
      const authBytes = Buffer.from('\0ada\0a:colon in it');
      expect((await client.ask(saslAuthenticateApi, 2, { authBytes })).errorCode).toBe(0);
      expect((await client.ask(metadataApi, 12, { topics: [] })).brokers).toHaveLength(1);
    });
  });

  it('takes what its files would hold from the environment, but not instead of a file', async () => {
    const env = { MILLRACE_GATEWAY_USERS: 'ada:from outside\n', MILLRACE_GATEWAY_TLS_CERT: '' };
    const logIn = async (client: WireClient, password: string) => {
      await client.ask(saslHandshakeApi, 1, { mechanism: 'PLAIN' });
      return (await client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from(`\0ada\0${password}`) })).errorCode;
    };
    const args = ['gateway', '--port', '0'];
    await serving(args, async (client) => expect(await logIn(client, 'from outside')).toBe(0), env);
    const file = join(stage.directory, 'users.txt');
    writeFileSync(file, 'ada:from a file\n');
    await serving(
      [...args, '--users', file],
      async (client) => expect(await logIn(client, 'from a file')).toBe(0),
      env,
    );
    const bad = await stage.run(args, { env: { MILLRACE_GATEWAY_USERS: 'nobody' } });
    expect(bad).toMatchObject({
      status: 2,
      complaint: expect.stringContaining('MILLRACE_GATEWAY_USERS does not name'),
    });
    const half = await stage.run(args, { env: { MILLRACE_GATEWAY_TLS_KEY: 'a key' } });
    expect(half).toMatchObject({ status: 2, complaint: expect.stringContaining('belong together') });
  });

  it('says when it cannot listen, and where it could', async () => {
    const ended = await stage.run(['gateway', '--host', '203.0.113.1', '--port', '1']);
    expect(ended.status).toBe(2);
    expect(ended.complaint).toContain('cannot listen at 203.0.113.1:1');
    expect(ended.complaint).toContain('Choose an address of this machine');
  });

  it('says that somebody listens there', async () => {
    await serving(['gateway', '--port', '0'], async ({ socket }) => {
      await once(socket, 'connect');
      const ended = await stage.run(['gateway', '--port', String(socket.remotePort)]);
      expect(ended.status).toBe(2);
      expect(ended.complaint).toContain('Choose another port, or end what listens there.');
    });
  });

  it.each([
    ['gateway', '--port', '65536', 'from 0 to 65535'],
    ['gateway', '--partitions', '100001', 'from 1 to 100000'],
    ['dev', '--http-port', '99999', 'from 0 to 65535'],
    ['dev', '--kafka-port', '99999', 'from 0 to 65535'],
  ])('of %s refuses %s %s', async (command, option, value, range) => {
    const ended = await stage.run([command, option, value]);
    expect(ended).toMatchObject({ status: 2, complaint: expect.stringContaining(`${option} is ${value}`) });
    expect(ended.complaint).toContain(range);
  });
});

describe('millrace dev --kafka-port', () => {
  it('makes topics when they are first used', async () => {
    const ended = await serving(
      ['dev', '--data', join(stage.directory, 'dev'), '--http-port', '0', '--kafka-port', '0'],
      async (client) => {
        const asked = { topics: [{ name: 'new' }], allowAutoTopicCreation: true };
        const { topics } = await client.ask(metadataApi, 12, asked);
        expect(topics).toMatchObject([{ errorCode: 0, name: 'new', partitions: [{ partitionIndex: 0 }] }]);
        expect(await produce(client, 'new', textBatch(['a']))).toMatchObject({ errorCode: 0 });
      },
    );
    expect(ended.status).toBe(0);
  });
});
