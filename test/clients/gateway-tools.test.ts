/** The command-line tools that come with Kafka, against a gateway and against Apache Kafka's own broker: they say the same of both. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { startGateway } from '../../lib/gateway/gateway.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { startBroker } from '../../tools/kafka/broker.ts';
import { kafkaClassPath } from '../../tools/kafka/kafka-jars.ts';
import { runProgram } from '../../tools/kafka/run-program.ts';

const SET_UP_TIMEOUT_MS = 300_000;
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

const folder = mkdtempSync(join(tmpdir(), 'millrace-tools-'));
let port: number;
let classPath: string;
let end: () => Promise<void> = async () => {};

interface Server {
  readonly port: number;
  end(): Promise<void>;
}

async function startOurs(): Promise<Server> {
  const store = memoryStore({ clock, meter: noMeter });
  const groups = { initialRebalanceDelayMs: 0 };
  const gateway = await startGateway({ store, clock, random, changes: store.changes, port: 0, groups });
  return { port: gateway.port, end: () => gateway.close() };
}

async function startKafkas(): Promise<Server> {
  const broker = await startBroker();
  return { port: broker.port, end: () => broker.stop() };
}

const servers = [
  { name: 'a gateway', start: startOurs, logDir: '"/millrace"', clusterId: 'millrace' },
  { name: "Kafka's broker", start: startKafkas, logDir: '', clusterId: '' },
];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a tool; what it prints. */
function run(tool: string, args: readonly string[], input = ''): Promise<string> {
  const name = tool.startsWith('kafka.') ? tool : `org.apache.kafka.tools.${tool}`;
  const all = ['--bootstrap-server', `127.0.0.1:${port}`, ...args];
  return runProgram('java', [...SHORT_LIVED, '-cp', classPath, name, ...all], { input });
}

const offsetsOf = async (topic: string, ...args: string[]) =>
  (await run('GetOffsetShell', ['--topic', topic, ...args])).trim().split('\n').toSorted();

describe.each(servers)("Kafka's tools at $name", ({ start, logDir, clusterId }) => {
  beforeAll(async () => {
    classPath = await kafkaClassPath();
    ({ port, end } = await start());
  }, SET_UP_TIMEOUT_MS);

  afterAll(() => end());

  it('make topics, show, change and delete them', async () => {
    const create = ['--create', '--topic', 'orders', '--partitions', '3', '--config', 'retention.ms=1000'];
    expect(await run('TopicCommand', create)).toContain('Created topic orders.');
    const described = await run('TopicCommand', ['--describe', '--topic', 'orders']);
    expect(described).toMatch(
      /PartitionCount: 3\s+ReplicationFactor: 1\s+Configs: (min.insync.replicas=1,)?retention.ms=1000/,
    );
    expect(await run('TopicCommand', ['--describe', '--under-min-isr-partitions'])).toBe('');
    const atMinimum = await run('TopicCommand', ['--describe', '--at-min-isr-partitions']);
    expect(atMinimum.match(/Topic: orders\s+Partition: \d/g)).toHaveLength(3);
    await run('TopicCommand', ['--alter', '--topic', 'orders', '--partitions', '5']);
    expect(await run('TopicCommand', ['--describe', '--topic', 'orders'])).toContain('PartitionCount: 5');
    const entity = ['--entity-type', 'topics', '--entity-name', 'orders'];
    const config = (...args: string[]) => run('kafka.admin.ConfigCommand', [...entity, ...args]);
    await config('--alter', '--add-config', 'max.message.bytes=5000', '--delete-config', 'retention.ms');
    const changed = await config('--describe');
    expect(changed).toContain('max.message.bytes=5000');
    expect(changed).not.toContain('retention.ms');
    expect(await config('--describe', '--all')).toContain('cleanup.policy=delete');
    await run('TopicCommand', ['--delete', '--topic', 'orders']);
    expect((await run('TopicCommand', ['--list'])).trim()).toBe('');
  });

  it('produce and consume, in a group of either protocol, and tell how far it is', async () => {
    await run('TopicCommand', ['--create', '--topic', 'letters', '--partitions', '1']);
    await run('ConsoleProducer', ['--topic', 'letters', '--reader-property', 'parse.key=true'], 'a\t1\nb\t2\nc\t3\n');
    for (const protocol of ['classic', 'consumer']) {
      const args = ['--topic', 'letters', '--group', protocol, '--from-beginning', '--max-messages', '3'];
      const properties = ['--command-property', `group.protocol=${protocol}`];
      const printed = await run('consumer.ConsoleConsumer', [
        ...args,
        ...properties,
        '--formatter-property',
        'print.key=true',
      ]);
      expect(printed.trim().split('\n').slice(-3)).toEqual(['a\t1', 'b\t2', 'c\t3']);
      const group = await run('consumer.group.ConsumerGroupCommand', ['--describe', '--group', protocol]);
      expect(group).toMatch(new RegExp(`^${protocol}\\s+letters\\s+0\\s+3\\s+3\\s+0`, 'm'));
    }
    const listed = await run('consumer.group.ConsumerGroupCommand', ['--list']);
    expect(listed.trim().split('\n').toSorted()).toEqual(['classic', 'consumer']);
  });

  it('look offsets up, and delete records', async () => {
    await run('TopicCommand', ['--create', '--topic', 'numbers', '--partitions', '1']);
    await run('ConsoleProducer', ['--topic', 'numbers'], '1\n2\n3\n4\n');
    expect(await offsetsOf('numbers')).toEqual(['numbers:0:4']);
    expect(await offsetsOf('numbers', '--time', 'earliest')).toEqual(['numbers:0:0']);
    expect(await offsetsOf('numbers', '--time', 'max-timestamp')).toEqual([expect.stringMatching(/^numbers:0:[0-3]$/)]);
    const from = ['--topic', 'numbers', '--partition', '0', '--offset', '2', '--max-messages', '1'];
    expect((await run('consumer.ConsoleConsumer', from)).trim()).toBe('3');
    const partitions = [{ topic: 'numbers', partition: 0, offset: 3 }];
    const file = join(folder, 'offsets.json');
    writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
    const output = await run('DeleteRecordsCommand', ['--offset-json-file', file]);
    expect(output).toContain('low_watermark: 3');
    expect(await offsetsOf('numbers', '--time', 'earliest')).toEqual(['numbers:0:3']);
  });

  it('set offsets of groups to any place, and delete them', async () => {
    await run('TopicCommand', ['--create', '--topic', 'places', '--partitions', '2']);
    await run('ConsoleProducer', ['--topic', 'places', '--reader-property', 'parse.key=true'], 'a\t1\nb\t2\nc\t3\n');
    const groups = (...args: string[]) => run('consumer.group.ConsumerGroupCommand', args);
    const offsetsAfter = async (...how: string[]) => {
      await groups('--reset-offsets', '--group', 'moved', '--topic', 'places', ...how, '--execute');
      const described = await groups('--describe', '--group', 'moved');
      return [...described.matchAll(/^moved\s+places\s+(\d)\s+(\d)/gm)].map(([, at, offset]) => `${at}:${offset}`);
    };
    const latest = (await offsetsAfter('--to-latest')).toSorted();
    expect((await offsetsAfter('--to-earliest')).toSorted()).toEqual(['0:0', '1:0']);
    expect((await offsetsAfter('--to-offset', '9')).toSorted()).toEqual(latest);
    expect((await offsetsAfter('--to-datetime', '2020-01-01T00:00:00.000')).toSorted()).toEqual(['0:0', '1:0']);
    expect((await offsetsAfter('--shift-by', '-1')).toSorted()).toEqual(['0:0', '1:0']);
    expect(await groups('--delete-offsets', '--group', 'moved', '--topic', 'places:0')).toMatch(
      /places\s+0\s+Successful/,
    );
    expect(await groups('--describe', '--group', 'moved', '--offsets')).not.toMatch(/^moved\s+places\s+0/m);
    expect(await groups('--delete', '--group', 'moved')).toContain("('moved') was successful");
    expect(await groups('--list')).not.toContain('moved');
  });

  it('find out what the gateway is', async () => {
    expect(await run('BrokerApiVersionsCommand', [])).toContain('Produce(0): 0 to 13 [usable: 13]');
    const directories = await run('LogDirsCommand', ['--describe']);
    expect(directories).toContain(`"logDir":${logDir}`);
    const cluster = await runProgram('java', [
      ...SHORT_LIVED,
      '-cp',
      classPath,
      'org.apache.kafka.tools.ClusterTool',
      'cluster-id',
      '--bootstrap-server',
      `127.0.0.1:${port}`,
    ]);
    expect(cluster).toContain(`Cluster ID: ${clusterId}`);
  });

  it('verify that what an idempotent producer was told of is there', async () => {
    await run('TopicCommand', ['--create', '--topic', 'verified', '--partitions', '2']);
    const produced = await run('VerifiableProducer', ['--topic', 'verified', '--max-messages', '2000']);
    const told = produced.split('\n').filter((line) => line.includes('producer_send_success'));
    expect(told).toHaveLength(2_000);
    const args = [
      '--topic',
      'verified',
      '--group-id',
      'verifying',
      '--max-messages',
      '2000',
      '--reset-policy',
      'earliest',
    ];
    const consumed = await run('VerifiableConsumer', args);
    const counts = [
      ...consumed.matchAll(/"name":"records_consumed".*?"count":(\d+)|"count":(\d+).*?"name":"records_consumed"/g),
    ];
    const total = counts.reduce((sum, [, first, second]) => sum + Number(first ?? second), 0);
    expect(total).toBe(2_000);
  });
});
