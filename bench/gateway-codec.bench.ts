/**
 * The codec of the gateway beside those of kafkajs and @platformatic/kafka, in one process and run: what clients write (a Fetch request of 100 partitions) and read (Metadata of 160 partitions). What each side writes is compared byte
 * for byte first.
 *
 * The two sides alternate turns, so that a noisy machine disturbs both alike; a figure is the median of a side's turns. `node bench/gateway-codec.bench.ts [--json]`.
 */
import { createRequire } from 'node:module';
import { requestCodec, responseCodec } from '../lib/gateway/protocol/frames.ts';
import { metadataApi } from '../lib/gateway/protocol/messages/cluster-messages.ts';
import { fetchApi } from '../lib/gateway/protocol/messages/log-messages.ts';
import { WireReader } from '../lib/gateway/protocol/wire-reader.ts';
import { WireWriter } from '../lib/gateway/protocol/wire-writer.ts';
import { createRequest as platformaticFetch } from '../node_modules/@platformatic/kafka/dist/apis/consumer/fetch-v16.js';
import { parseResponse as platformaticMetadata } from '../node_modules/@platformatic/kafka/dist/apis/metadata/metadata-v12.js';
import { Reader } from '../node_modules/@platformatic/kafka/dist/protocol/reader.js';
import { compare } from './compare.ts';
import { formatTable } from './format-table.ts';

/** One comparison; messages a second. */
export interface CodecRow {
  readonly name: string;
  readonly beside: string;
  readonly oursPerSecond: number;
  readonly theirsPerSecond: number;
  readonly ratio: number;
}

const require = createRequire(import.meta.url);
const kafkajs = '../node_modules/kafkajs/src/protocol/requests';

const TOPICS = 10;
const PARTITIONS = 10;
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

const fetchRequest = {
  replicaId: -1,
  maxWaitMs: 500,
  minBytes: 1,
  maxBytes: 50_000_000,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: numbers(TOPICS).map((topic) => ({
    topic: `orders-${topic}`,
    topicId: uuidOf(topic),
    partitions: numbers(PARTITIONS).map((partition) => ({
      partition,
      currentLeaderEpoch: 0,
      fetchOffset: 1_000_000n + BigInt(partition),
      lastFetchedEpoch: -1,
      logStartOffset: -1n,
      partitionMaxBytes: 1_048_576,
    })),
  })),
  forgottenTopicsData: [],
  rackId: '',
};

const metadataResponse = {
  brokers: numbers(3).map((node) => ({ nodeId: node, host: `broker-${node}.example.com`, port: 9092, rack: null })),
  clusterId: 'cluster',
  controllerId: 1,
  topics: numbers(20).map((topic) => ({
    name: `orders-${topic}`,
    topicId: uuidOf(topic),
    partitions: numbers(8).map((partitionIndex) => ({
      partitionIndex,
      leaderId: 1,
      leaderEpoch: 0,
      replicaNodes: [1, 2, 0],
      isrNodes: [1, 2, 0],
      offlineReplicas: [],
    })),
  })),
};

function written(write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter();
  write(writer);
  return Buffer.concat(writer.pieces());
}

function sameBytes(name: string, ours: Buffer, theirs: Buffer): void {
  if (!ours.equals(theirs)) throw new Error(`${name}: we write ${ours.length} bytes, they ${theirs.length} others`);
}

function row(name: string, beside: string, ours: () => void, theirs: () => void): CodecRow {
  const { ours: oursPerSecond, theirs: theirsPerSecond } = compare(ours, theirs);
  return { name, beside, oursPerSecond, theirsPerSecond, ratio: oursPerSecond / theirsPerSecond };
}

async function fetchRows(): Promise<readonly CodecRow[]> {
  const newer = requestCodec({ api: fetchApi, version: 16 });
  const older = requestCodec({ api: fetchApi, version: 11 });
  const { maxWaitMs, minBytes, maxBytes, topics } = fetchRequest;
  const platformatic = () => platformaticFetch(maxWaitMs, minBytes, maxBytes, 0, 0, -1, topics as never, [], '');
  const asked = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, fetchOffset, partitionMaxBytes }) => {
      return { partition, currentLeaderEpoch: 0, fetchOffset: String(fetchOffset), maxBytes: partitionMaxBytes };
    }),
  }));
  const kafkajsFetch = require(`${kafkajs}/fetch/v11/request`);
  const request = { replicaId: -1, maxWaitTime: maxWaitMs, minBytes, maxBytes, isolationLevel: 0, topics: asked };
  const encode = () => kafkajsFetch(request).encode() as Promise<{ readonly buffer: Buffer }>;
  const newerBytes = written((writer) => newer.write(writer, fetchRequest));
  sameBytes('Fetch 16', newerBytes, platformatic().dynamicBuffer.slice());
  sameBytes(
    'Fetch 11',
    written((writer) => older.write(writer, fetchRequest)),
    (await encode()).buffer,
  );
  return [
    row(
      'write Fetch 16, 100 partitions',
      '@platformatic/kafka',
      () => newer.write(new WireWriter(), fetchRequest),
      platformatic,
    ),
    row('write Fetch 11, 100 partitions', 'kafkajs', () => older.write(new WireWriter(), fetchRequest), encode),
  ];
}

function metadataRows(): readonly CodecRow[] {
  const newer = responseCodec({ api: metadataApi, version: 12 });
  const older = responseCodec({ api: metadataApi, version: 6 });
  const newerBytes = written((writer) => newer.write(writer, metadataResponse));
  const olderBytes = written((writer) => older.write(writer, metadataResponse));
  const { decode } = require(`${kafkajs}/metadata/v6/response`);
  return [
    row(
      'read Metadata 12, 160 partitions',
      '@platformatic/kafka',
      () => newer.read(new WireReader(newerBytes)),
      () => platformaticMetadata(1, 3, 12, Reader.from(newerBytes)),
    ),
    row(
      'read Metadata 6, 160 partitions',
      'kafkajs',
      () => older.read(new WireReader(olderBytes)),
      () => decode(olderBytes),
    ),
  ];
}

const rows = [...(await fetchRows()), ...metadataRows()];
if (process.argv.includes('--json')) console.log(JSON.stringify(rows, null, 2));
else {
  const perSecond = (speed: number) => `${Math.round(speed / 1000)} k/s`;
  const cells = rows.map(({ name, beside, oursPerSecond, theirsPerSecond, ratio }) => [
    name,
    beside,
    perSecond(oursPerSecond),
    perSecond(theirsPerSecond),
    `${ratio.toFixed(1)} ×`,
  ]);
  console.log(formatTable(['message', 'beside', 'ours', 'theirs', 'ratio'], cells));
}
