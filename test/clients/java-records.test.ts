import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runJava } from '../../tools/kafka/kafka-jars.ts';
import { describeRecord, type ExpectedBatch } from '../record/golden-fixtures.ts';
import { encodeLog, keptTopics, type OurTopic, producedTopics, readBatch } from './our-batches.ts';

const SET_UP_TIMEOUT_MS = 300_000;

const topics = [...producedTopics, ...keptTopics];
const folder = mkdtempSync(join(tmpdir(), 'millrace-clients-'));
/** What Kafka's classes read in each topic's bytes, in the order of the topics. */
let dumps: ExpectedBatch[][];

beforeAll(async () => {
  const files = topics.map((topic) => {
    const file = join(folder, `${topic.name}.log`);
    writeFileSync(file, encodeLog(topic));
    return file;
  });
  const output = await runJava('DumpLog', files);
  dumps = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ExpectedBatch[]);
}, SET_UP_TIMEOUT_MS);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The fields of a batch that its caller decides, as Kafka is to read them. */
function expectedBatches({ batches }: OurTopic): Partial<ExpectedBatch>[] {
  let nextOffset = 0n;
  return batches.map((batch) => {
    const { records, options } = batch;
    const baseOffset = nextOffset;
    nextOffset += BigInt(records.length);
    const timesMs = records.map(({ timestampMs }) => timestampMs);
    return {
      baseOffset: String(baseOffset),
      lastOffset: String(nextOffset - 1n),
      partitionLeaderEpoch: 0,
      magic: 2,
      compression: options.compression ?? 'none',
      timestampType: options.timestampType ?? 'CreateTime',
      transactional: options.transactional ?? false,
      control: options.control ?? false,
      deleteHorizonMs: null,
      baseTimestampMs: String(timesMs[0]),
      maxTimestampMs: String(timesMs.reduce((latest, time) => (time > latest ? time : latest))),
      producerId: String(options.producerId ?? -1n),
      producerEpoch: options.producerEpoch ?? -1,
      baseSequence: options.baseSequence ?? -1,
      recordCount: records.length,
      records: readBatch(batch, baseOffset).map(describeRecord),
    };
  });
}

describe("Kafka's own record classes", () => {
  it.each(topics.map((topic, index) => ({ topic, name: topic.name, index })))(
    'find our batches of $name valid, and in them what we wrote',
    ({ topic, index }) => {
      const expected = expectedBatches(topic);
      expect(dumps[index]).toHaveLength(expected.length);
      expect(dumps[index]).toMatchObject(expected);
    },
  );

  it('read our transaction markers', () => {
    const markers = dumps.flat().flatMap(({ marker }) => marker ?? []);
    expect(markers).toEqual(['COMMIT', 'ABORT', 'COMMIT'].map((type) => ({ type, coordinatorEpoch: 5 })));
  });
});
