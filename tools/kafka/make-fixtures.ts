/**
 * Makes `test/fixtures/kafka`: record batches as real clients write them and a real broker keeps them.
 *
 *     node tools/kafka/make-fixtures.ts
 *
 * Needs a JDK (17 or newer), Maven, Python 3 and Go; takes about a minute. It starts Apache Kafka, lets the Java client, librdkafka, kafkajs,
 * `@platformatic/kafka`, sarama and franz-go write the cases of fixture-cases.ts, one topic each, and copies the log segment of each topic to
 * `<case>.log`.
 * Beside it `<case>.json` says what Kafka's own Java classes read in these bytes (DumpLog.java), so that no expectation is Millrace's.
 * Producer ids, and times that the broker sets, differ from run to run: only remake the fixtures to change them.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { type Broker, startBroker } from './broker.ts';
import { type FixtureCase, type FixtureClient, fixtureCases, rollingJob } from './fixture-cases.ts';
import { runJava } from './kafka-jars.ts';
import { writers } from './writers.ts';

const FIXTURES = fileURLToPath(new URL('../../test/fixtures/kafka', import.meta.url));
const FIRST_SEGMENT = '00000000000000000000.log';
/** The records are older than Kafka would keep them, and what the broker adds is of today: both would begin a new segment. */
const KEEP_ONE_SEGMENT = { 'retention.ms': '-1', 'segment.ms': String(2n ** 62n) };
/** Waited for in steps of POLL_MS. */
const COMPACTION_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

async function createTopics(port: number): Promise<void> {
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topics = fixtureCases.map(({ name, topicConfig }) => ({
    topic: name,
    numPartitions: 1,
    configEntries: Object.entries({ ...KEEP_ONE_SEGMENT, ...topicConfig }).map(([entry, value]) => ({
      name: entry,
      value,
    })),
  }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.disconnect();
}

const segmentOf = (broker: Broker, name: string) => join(broker.dataDir, `${name}-0`, FIRST_SEGMENT);

/** Lets the log cleaner work over what was written, and returns when the first segment has become smaller. */
async function compact(broker: Broker, { name }: FixtureCase): Promise<void> {
  const segment = segmentOf(broker, name);
  const before = statSync(segment).size;
  await writers.java(broker.port, [rollingJob(name)]);
  const deadlineMs = performance.now() + COMPACTION_TIMEOUT_MS;
  while (statSync(segment).size >= before) {
    if (performance.now() > deadlineMs) throw new Error(`${name} was not compacted in time`);
    await sleep(POLL_MS);
  }
}

async function writeAll(broker: Broker): Promise<void> {
  for (const client of Object.keys(writers) as FixtureClient[]) {
    const cases = fixtureCases.filter((one) => one.client === client);
    await writers[client](
      broker.port,
      cases.flatMap(({ jobs }) => jobs),
    );
    for (const one of cases) if (one.compacted === true) await compact(broker, one);
    console.log(`${client}: ${cases.length} cases`);
  }
}

interface DumpedBatch {
  readonly records: readonly unknown[];
}

/** One line for each batch and one for each record, so that a change shows in a diff. */
function formatExpectation(batches: readonly DumpedBatch[]): string {
  const lines = batches.map(({ records, ...header }) => {
    const inner = records.map((record) => `  ${JSON.stringify(record)}`).join(',\n');
    return `${JSON.stringify(header).slice(0, -1)},"records":[\n${inner}\n]}`;
  });
  return `[\n${lines.join(',\n')}\n]\n`;
}

async function describeFixtures(): Promise<void> {
  const files = fixtureCases.map(({ name }) => join(FIXTURES, `${name}.log`));
  const output = await runJava('DumpLog', files);
  for (const [index, line] of output.trimEnd().split('\n').entries()) {
    const expectation = formatExpectation(JSON.parse(line) as DumpedBatch[]);
    writeFileSync(join(FIXTURES, `${fixtureCases[index]!.name}.json`), expectation);
  }
}

async function makeFixtures(): Promise<void> {
  const broker = await startBroker({ settings: { 'log.cleaner.backoff.ms': '200' } });
  try {
    await createTopics(broker.port);
    await writeAll(broker);
    mkdirSync(FIXTURES, { recursive: true });
    for (const file of readdirSync(FIXTURES)) if (/\.(log|json)$/.test(file)) rmSync(join(FIXTURES, file));
    for (const { name } of fixtureCases) copyFileSync(segmentOf(broker, name), join(FIXTURES, `${name}.log`));
  } catch (error) {
    console.error(readFileSync(join(broker.folder, 'broker.log'), 'utf8').slice(-4_000));
    throw error;
  } finally {
    await broker.stop();
  }
  await describeFixtures();
  const files = readdirSync(FIXTURES);
  const bytes = files.reduce((sum, file) => sum + statSync(join(FIXTURES, file)).size, 0);
  console.log(`${fixtureCases.length} fixtures, ${bytes} bytes in ${FIXTURES}`);
}

await makeFixtures();
