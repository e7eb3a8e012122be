import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../tools/kafka/broker.ts';
import { describeRecord } from '../record/golden-fixtures.ts';
import { type ConsumedRecord, consumers } from './consumers.ts';
import { createTopics } from './create-topics.ts';
import { encodeForProduce, encodeLog, keptTopics, producedTopics, readableRecords } from './our-batches.ts';

const SET_UP_TIMEOUT_MS = 300_000;
const FIRST_SEGMENT = '00000000000000000000.log';
/** Without this file a broker reads its segments through when it starts, checks every batch and cuts off what is damaged. */
const CLEAN_SHUTDOWN = '.kafka_cleanshutdown';

const names = keptTopics.map(({ name }) => name);
const recordCount = keptTopics.reduce((sum, topic) => sum + readableRecords(topic).length, 0);

let broker: Broker;

/** A log whose last batch has one bit turned. */
const DAMAGED = 'ours-damaged';
const intact = encodeLog(producedTopics[0]!);
const damagedCopy = Buffer.from(intact);
damagedCopy[damagedCopy.length - 1]! ^= 1;
const lastBatchBytes = encodeForProduce(producedTopics[0]!).at(-1)!.length;

/** Puts batches of ours into the place of a partition's log, without the indexes that the broker makes of it. */
function replaceLog(dataDir: string, name: string, bytes: Uint8Array): void {
  const folder = join(dataDir, `${name}-0`);
  for (const file of readdirSync(folder)) if (/index$|snapshot$/.test(file)) rmSync(join(folder, file));
  writeFileSync(join(folder, FIRST_SEGMENT), bytes);
}

// No producer may send the log's own time or the markers of transactions. So that clients get ours all the same, a broker finds them in
// its data: it starts on log segments that we wrote.
beforeAll(async () => {
  const first = await startBroker();
  try {
    await createTopics(first.port, [...names, DAMAGED]);
  } finally {
    await first.stop({ keep: true });
  }
  rmSync(join(first.dataDir, CLEAN_SHUTDOWN), { force: true });
  for (const topic of keptTopics) replaceLog(first.dataDir, topic.name, encodeLog(topic));
  replaceLog(first.dataDir, DAMAGED, damagedCopy);
  broker = await startBroker({ folder: first.folder });
}, SET_UP_TIMEOUT_MS);

afterAll(async () => {
  await broker?.stop();
});

describe('a Kafka broker that starts on a log segment that we wrote', () => {
  const keptBytes = (name: string) => statSync(join(broker.dataDir, `${name}-0`, FIRST_SEGMENT)).size;

  it.each(keptTopics)('keeps all of $name', (topic) => {
    expect(keptBytes(topic.name)).toBe(encodeLog(topic).length);
  });

  it('cuts off a last batch with one other bit, so that what it keeps it has checked', () => {
    expect(keptBytes(DAMAGED)).toBe(intact.length - lastBatchBytes);
  });
});

describe.each(consumers)("$name, of a broker's log segment that we wrote,", (consumer) => {
  let consumed: ConsumedRecord[];

  beforeAll(async () => {
    consumed = await consumer.consume(broker.port, names, recordCount);
  }, SET_UP_TIMEOUT_MS);

  it.each(keptTopics)('reads the committed records of $name', (topic) => {
    const read = consumed.filter((record) => record.topic === topic.name);
    expect(read.map(describeRecord)).toEqual(readableRecords(topic, consumer).map(describeRecord));
    const type = topic.batches[0]!.options.timestampType ?? 'CreateTime';
    const types = new Set(read.map(({ timestampType }) => timestampType));
    expect(types).toEqual(new Set([consumer.tellsTimestampType ? type : undefined]));
  });
});
