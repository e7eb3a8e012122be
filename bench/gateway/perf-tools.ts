/** Kafka's own tools for speed, `kafka-producer-perf-test` and `kafka-consumer-perf-test`, and the making of the topics that they use. */
import { createTopicsApi } from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { WireClient } from '../../test/gateway/wire-client.ts';
import { kafkaClassPath } from '../../tools/kafka/kafka-jars.ts';
import { runProgram } from '../../tools/kafka/run-program.ts';

/** How records are produced. */
export interface ProduceLoad {
  readonly topic: string;
  readonly records: number;
  readonly recordBytes: number;
  /** Settings of the producer beside its defaults. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** Records a second; as many as possible by default. */
  readonly perSecond?: number;
  /** The first so many are not counted. */
  readonly warmUp?: number;
}

/** What `kafka-producer-perf-test` has seen, in whole milliseconds as it prints them. */
export interface ProduceReport {
  readonly recordsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** As `kafka-producer-perf-test.sh` and its sister start them. */
const JVM = ['-Xmx512M', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-Djava.awt.headless=true'];
const TOOL_TIMEOUT_MS = 120_000;
const CREATE_TOPICS_VERSION = 5;
const LEADER_MS = 300;

async function runTool(name: string, port: number, args: readonly string[]): Promise<string> {
  const all = [
    '-cp',
    await kafkaClassPath(),
    `org.apache.kafka.tools.${name}`,
    '--bootstrap-server',
    `127.0.0.1:${port}`,
  ];
  return runProgram('java', [...JVM, ...all, ...args], { timeoutMs: TOOL_TIMEOUT_MS });
}

/** Makes a topic. Throws when it is refused. */
export async function createTopic(
  port: number,
  name: string,
  numPartitions: number,
  configs: readonly { readonly name: string; readonly value: string }[] = [],
): Promise<void> {
  const client = new WireClient(port);
  const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs };
  const { topics } = await client.ask(createTopicsApi, CREATE_TOPICS_VERSION, {
    topics: [topic],
    timeoutMs: 10_000,
    validateOnly: false,
  });
  client.close();
  if (topics[0]?.errorCode !== 0) throw new TypeError(`the topic ${name} was refused: error ${topics[0]?.errorCode}`);
  // A broker learns a moment later that it leads the partitions.
  await new Promise((resolve) => setTimeout(resolve, LEADER_MS));
}

/** Produces with acks=all by an idempotent producer: the defaults of the Java client. Throws when a record is lost. */
export async function produce(port: number, load: ProduceLoad): Promise<ProduceReport> {
  const { topic, records, recordBytes, settings, perSecond = -1, warmUp } = load;
  const properties = Object.entries({ acks: 'all', ...settings }).flatMap(([name, value]) => [`${name}=${value}`]);
  const output = await runTool('ProducerPerformance', port, [
    ...['--topic', topic, '--num-records', String(records), '--record-size', String(recordBytes)],
    ...['--throughput', String(perSecond), ...(warmUp === undefined ? [] : ['--warmup-records', String(warmUp)])],
    ...['--command-property', ...properties],
  ]);
  const summary = output.split('\n').findLast((line) => line.includes('99.9th'));
  const found = /([\d.]+) records\/sec .* (\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th/.exec(summary ?? '');
  if (found === null) throw new TypeError(`kafka-producer-perf-test printed no summary:\n${output}`);
  return { recordsPerSecond: Number(found[1]), p50Ms: Number(found[2]), p99Ms: Number(found[3]) };
}

/** Consumes from the beginning in a group of its own; records a second, without the time that joining the group takes. Throws when records are missing. */
export async function consume(port: number, topic: string, records: number): Promise<number> {
  const args = ['--topic', topic, '--num-records', String(records), '--hide-header'];
  const output = await runTool('ConsumerPerformance', port, args);
  // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
  const cells = output.trim().split('\n').at(-1)!.split(', ');
  const [consumed, perSecond] = [Number(cells[4]), Number(cells[9])];
  if (!(consumed >= records && perSecond > 0)) throw new TypeError(`consumed ${consumed} of ${records}:\n${output}`);
  return perSecond;
}
