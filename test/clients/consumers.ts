/** Real clients that read topics of a real broker from their first record to their last committed one. */
import { Consumer as PlatformaticConsumer } from '@platformatic/kafka';
import { CompressionCodecs, CompressionTypes, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { decompress } from '../../lib/record/compression.ts';
import type { LogRecord, RecordHeader } from '../../lib/record/record.ts';
import { goProgram } from '../../tools/kafka/go-programs.ts';
import { runJava } from '../../tools/kafka/kafka-jars.ts';
import { runLibrdkafka } from '../../tools/kafka/librdkafka.ts';
import { runProgram } from '../../tools/kafka/run-program.ts';

/** A record as a client hands it out. */
export interface ConsumedRecord extends LogRecord {
  readonly topic: string;
  /** Undefined from clients that do not say. */
  readonly timestampType: string | undefined;
}

/** A client that reads. */
export interface Consumer {
  readonly name: string;
  /** Whether records carry the type of their timestamp. */
  readonly tellsTimestampType: boolean;
  /** Whether it hands out the log's time where that is the one that holds; else it goes on handing out the producer's. */
  readonly knowsLogAppendTime: boolean;
  /** Reads partition 0 of the topics, until it has `count` records or 30 seconds have gone by. */
  consume(port: number, topics: readonly string[], count: number): Promise<ConsumedRecord[]>;
}

const TIMEOUT_MS = 30_000;
const INFLATED_MAX = 16 * 1024 * 1024;

interface JsonLine {
  readonly topic: string;
  readonly offset: string;
  readonly timestampMs: string;
  readonly timestampType?: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

const decode = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));

/** Reads the output of the programs in `tools/kafka`. */
function parseLines(output: string): ConsumedRecord[] {
  const lines = output.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { topic, offset, timestampMs, timestampType, key, value, headers } = JSON.parse(line) as JsonLine;
    return {
      topic,
      offset: BigInt(offset),
      timestampMs: BigInt(timestampMs),
      timestampType,
      key: decode(key),
      value: decode(value),
      headers: headers.map(([name, encoded]) => ({ key: name, value: decode(encoded) })),
    };
  });
}

/** Collects records until there are enough of them; more than that would show in the comparison. */
class Collection {
  readonly records: ConsumedRecord[] = [];
  readonly complete: Promise<void>;
  readonly #count: number;
  readonly #timer: NodeJS.Timeout;
  #resolve = () => {};

  constructor(count: number) {
    this.#count = count;
    this.complete = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(this.#resolve, TIMEOUT_MS);
  }

  add(record: ConsumedRecord): void {
    this.records.push(record);
    if (this.records.length < this.#count) return;
    clearTimeout(this.#timer);
    this.#resolve();
  }
}

/** kafkajs has no codec but gzip and takes what it is given: here ours, so that its reading of the records is what is tested. */
function giveCodecsToKafkajs(): void {
  const unused = () => Promise.reject(new Error('Nothing is written here'));
  const codec = (type: 'snappy' | 'lz4' | 'zstd') => () => ({
    compress: unused,
    decompress: async (bytes: Buffer) => Buffer.from(decompress(type, bytes, INFLATED_MAX)),
  });
  CompressionCodecs[CompressionTypes.Snappy] = codec('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = codec('lz4');
  CompressionCodecs[CompressionTypes.ZSTD] = codec('zstd');
}

function readKafkajs(topic: string, { offset, timestamp, key, value, headers = {} }: KafkaMessage): ConsumedRecord {
  // Headers of one name come as a list at the place of the first.
  const flat = Object.entries(headers).flatMap(([name, values]): RecordHeader[] =>
    (Array.isArray(values) ? values : [values]).map((one) => ({
      key: name,
      value: one === undefined || one === null ? null : Buffer.from(one),
    })),
  );
  return {
    topic,
    offset: BigInt(offset),
    timestampMs: BigInt(timestamp),
    timestampType: undefined,
    key,
    value,
    headers: flat,
  };
}

async function consumeWithKafkajs(port: number, topics: readonly string[], count: number): Promise<ConsumedRecord[]> {
  giveCodecsToKafkajs();
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: 'kafkajs' });
  const collection = new Collection(count);
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, message }) => collection.add(readKafkajs(topic, message)),
    });
    await collection.complete;
  } finally {
    await consumer.disconnect();
  }
  return collection.records;
}

async function consumeWithPlatformatic(
  port: number,
  topics: readonly string[],
  count: number,
): Promise<ConsumedRecord[]> {
  const consumer = new PlatformaticConsumer({
    clientId: 'test',
    groupId: 'platformatic',
    bootstrapBrokers: [`127.0.0.1:${port}`],
  });
  const collection = new Collection(count);
  try {
    const stream = await consumer.consume({
      topics: [...topics],
      mode: 'earliest',
      autocommit: false,
      maxWaitTime: 200,
    });
    stream.on('data', ({ topic, offset, timestamp, key, value, headerEntries }) => {
      collection.add({
        topic,
        offset,
        timestampMs: timestamp,
        timestampType: undefined,
        key: key ?? null,
        value: value ?? null,
        headers: headerEntries.map(([name, one]) => ({ key: String(name), value: one ?? null })),
      });
    });
    await collection.complete;
  } finally {
    await consumer.close(true);
  }
  return collection.records;
}

/** A client in Go. */
function goConsumer(client: 'franz' | 'sarama'): Consumer {
  return {
    name: client === 'franz' ? 'franz-go' : 'sarama',
    tellsTimestampType: client === 'franz',
    knowsLogAppendTime: true,
    consume: async (port, topics, count) => {
      const args = [client, `127.0.0.1:${port}`, String(count), ...topics];
      return parseLines(await runProgram(await goProgram('consume'), args));
    },
  };
}

/** Those in Go: beside a gateway alone, since what they write is in the fixtures. */
export const goConsumers: readonly Consumer[] = [goConsumer('franz'), goConsumer('sarama')];

/** The clients, each with its own reading of batches; Java and librdkafka compare the CRC too. */
export const consumers: readonly Consumer[] = [
  {
    name: 'the Java client',
    tellsTimestampType: true,
    knowsLogAppendTime: true,
    consume: async (port, topics) => parseLines(await runJava('ConsumeTopics', [`127.0.0.1:${port}`, ...topics])),
  },
  {
    name: 'librdkafka',
    tellsTimestampType: true,
    knowsLogAppendTime: true,
    consume: async (port, topics) =>
      parseLines(await runLibrdkafka('consume_topics', [`127.0.0.1:${port}`, ...topics])),
  },
  {
    name: 'kafkajs with our codecs',
    tellsTimestampType: false,
    knowsLogAppendTime: true,
    consume: consumeWithKafkajs,
  },
  {
    name: '@platformatic/kafka',
    tellsTimestampType: false,
    knowsLogAppendTime: false,
    consume: consumeWithPlatformatic,
  },
];
