/**
 * One measurement of throughput in a process of its own, so that no other one's heap or compiled code weighs on it: `node bench/throughput-part.ts PART`; prints a `PartResult` as JSON.
 *
 * A million records of 100 B on 16 partitions, as they come: no compression, default options.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, type Millrace } from '../lib/index.ts';
import { BatchBuilder } from '../lib/record/batch-builder.ts';
import { decodeBatch } from '../lib/record/decode-batch.ts';

export const RECORDS = 1_000_000;
export const VALUE_BYTES = 100;
const PARTITIONS = 16;
const PASSES = 3;
const TOPIC = 'bench';
/** Records of a batch of 128 KiB, which is when a producer's batch leaves. */
const BATCH_RECORDS = 1_190;
/** Records for one promise of sendAll. */
const CHUNK = 1_000;

const value = Buffer.alloc(VALUE_BYTES, 'x');

/** Seconds of each phase, the least of the passes, and the process's peak above what it was before. */
export interface PartResult {
  readonly writeSeconds: number;
  readonly readSeconds: number;
  readonly peakMiB: number;
}

type Phase = (millrace: Millrace) => Promise<void>;

async function secondsOf(action: () => Promise<void> | void): Promise<number> {
  const startMs = performance.now();
  await action();
  return (performance.now() - startMs) / 1000;
}

function check(count: number, bytes: number): void {
  if (count === RECORDS && bytes === RECORDS * VALUE_BYTES) return;
  throw new TypeError(`${count} records with ${bytes} bytes`);
}

const sendEach: Phase = async (millrace) => {
  const producer = millrace.producer();
  let acknowledged = 0;
  const count = () => {
    acknowledged += 1;
  };
  for (let n = 0; n < RECORDS; n++) {
    void producer.send({ topic: TOPIC, partition: n % PARTITIONS, value }).then(count);
    if (n % 1024 === 0) await producer.room();
  }
  await producer.close();
  await turn();
  check(acknowledged, acknowledged * VALUE_BYTES);
};

const sendChunks: Phase = async (millrace) => {
  const producer = millrace.producer();
  let acknowledged = 0;
  const count = (outcomes: readonly unknown[]) => {
    acknowledged += outcomes.length;
  };
  for (let n = 0; n < RECORDS; n += CHUNK) {
    const chunk = Array.from({ length: CHUNK }, (_, k) => ({ topic: TOPIC, partition: (n + k) % PARTITIONS, value }));
    void producer.sendAll(chunk).then(count);
    await producer.room();
  }
  await producer.close();
  await turn();
  check(acknowledged, acknowledged * VALUE_BYTES);
};

const readBatches: Phase = async (millrace) => {
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: TOPIC }]);
  let [count, bytes] = [0, 0];
  for await (const { records } of reader.batches()) {
    for (const record of records) {
      count += 1;
      bytes += record.value!.length;
    }
  }
  check(count, bytes);
};

const readRecords: Phase = async (millrace) => {
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: TOPIC }]);
  let [count, bytes] = [0, 0];
  for await (const record of reader) {
    count += 1;
    bytes += record.value!.length;
  }
  check(count, bytes);
};

const consume: Phase = async (millrace) => {
  const consumer = millrace.consumer({ group: 'bench', autoCommit: true });
  await consumer.subscribe([TOPIC]);
  let [count, bytes] = [0, 0];
  for await (const record of consumer) {
    count += 1;
    bytes += record.value!.length;
    if (count === RECORDS) break;
  }
  await consumer.close();
  check(count, bytes);
};

async function client(store: string, write: Phase, read: Phase): Promise<Omit<PartResult, 'peakMiB'>> {
  const millrace = await connect(store);
  await millrace.topics.createTopic({ name: TOPIC, partitionCount: PARTITIONS });
  const writeSeconds = await secondsOf(() => write(millrace));
  const readSeconds = await secondsOf(() => read(millrace));
  await millrace.close();
  return { writeSeconds, readSeconds };
}

const newBatch = () =>
  new BatchBuilder({ compression: 'none', compressionLevel: undefined, timestampType: 'CreateTime' });

/** Nothing but encoding and decoding, with every field of every record read: what no client can be faster than. */
async function codec(): Promise<Omit<PartResult, 'peakMiB'>> {
  const batches: Uint8Array[] = [];
  const writeSeconds = await secondsOf(() => {
    for (let n = 0; n < RECORDS; ) {
      const batch = newBatch();
      for (const end = Math.min(RECORDS, n + BATCH_RECORDS); n < end; n++) {
        batch.append({ key: null, value, headers: [], timestampMs: 1_700_000_000_000n });
      }
      batches.push(batch.build());
    }
  });
  let [count, bytes, last] = [0, 0, -1n];
  const readSeconds = await secondsOf(() => {
    for (const batch of batches) {
      const decoded = decodeBatch(batch);
      for (let index = 0; index < decoded.recordCount; index++) {
        count += 1;
        bytes += decoded.value(index)!.length;
        last = decoded.offset(index) + decoded.timestampMs(index);
      }
    }
  });
  check(count, last < 0n ? 0 : bytes);
  return { writeSeconds, readSeconds };
}

/** The bytes of the segments that the producer writes, one after another into one file: what no store on this disk can be faster than. */
async function plainFile(directory: string): Promise<Omit<PartResult, 'peakMiB'>> {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  const bytes = Math.round((RECORDS * 128 * 1024) / BATCH_RECORDS);
  const file = createWriteStream(join(directory, 'plain'));
  const writeSeconds = await secondsOf(async () => {
    for (let written = 0; written < bytes; written += chunk.length) {
      if (!file.write(chunk.subarray(0, Math.min(chunk.length, bytes - written)))) {
        await new Promise<void>((resolve) => file.once('drain', () => resolve()));
      }
    }
    await new Promise<void>((resolve) => file.end(resolve));
  });
  return { writeSeconds, readSeconds: 0 };
}

/** By name. `directory` is empty. */
export const parts: Readonly<Record<string, (directory: string) => Promise<Omit<PartResult, 'peakMiB'>>>> = {
  codec,
  'memory, send, consumer': () => client('memory:', sendEach, consume),
  'memory, sendAll, batches': () => client('memory:', sendChunks, readBatches),
  'memory, sendAll, reader': () => client('memory:', sendChunks, readRecords),
  'file, send, consumer': (directory) => client(`file:${directory}`, sendEach, consume),
  'file, sendAll, batches': (directory) => client(`file:${directory}`, sendChunks, readBatches),
  'plain file': plainFile,
};

if (import.meta.main) {
  const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  const beforeMiB = process.resourceUsage().maxRSS / 1024;
  let [writeSeconds, readSeconds, peakMiB] = [Infinity, Infinity, 0];
  // The first pass finds nothing compiled; the peak is that of one pass.
  for (let pass = 0; pass < PASSES; pass++) {
    const result = await parts[process.argv[2]!]!(mkdtempSync(join(root, 'pass-')));
    writeSeconds = Math.min(writeSeconds, result.writeSeconds);
    readSeconds = Math.min(readSeconds, result.readSeconds);
    if (pass === 0) peakMiB = process.resourceUsage().maxRSS / 1024 - beforeMiB;
  }
  console.log(JSON.stringify({ writeSeconds, readSeconds, peakMiB }));
}
