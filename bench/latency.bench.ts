/**
 * Clients over S3 and DynamoDB that answer as late as AWS does: `node bench/latency.bench.ts [--json]`. Needs the S3 server of the emulator tests; says so and measures nothing where it cannot be had.
 *
 * Delays are drawn by `latency-proxy.ts`; what a bare request takes through it is measured beside, in the same run, since the machine adds to it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { LatencySample, type LatencySummary } from '../lib/cli/latency-sample.ts';
import { Millrace } from '../lib/client/millrace.ts';
import type { ProducerOptions } from '../lib/client/producer-options.ts';
import { serdes } from '../lib/client/serde.ts';
import { systemClock as clock, systemRandom as random } from '../lib/clock.ts';
import type { DelayStore } from '../lib/delay/delay-store.ts';
import { requestDollars, type StoreUsage, UsageMeter, usageBetween } from '../lib/log/meter.ts';
import { formatTable } from './format-table.ts';
import { type SlowAws, startSlowAws } from './slow-aws.ts';

const TOPIC = 'bench';
const PARTITIONS = 16;
/** One after another: nothing is under way that a record could wait for. */
const LONE_RECORDS = 800;
/** So many at the same time, far below what the machine can do. */
const LANES = 4;
const TAIL_RECORDS = 600;
const TAIL_PER_SECOND = 20;

/** What one record at a time takes. */
export interface LatencyRow {
  readonly name: string;
  readonly latency: LatencySummary;
  /** What it is measured by. */
  readonly beside: string | null;
  readonly p50RatioOfBeside: number | null;
  readonly p99RatioOfBeside: number | null;
}

/** What many records at a time take, and cost. */
export interface RateRow {
  readonly name: string;
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly usage: StoreUsage;
  readonly dollarsPerMillionRecords: number;
  readonly dollarsPerGb: number;
}

/** All that was measured. */
export interface LatencyResult {
  readonly latencies: readonly LatencyRow[];
  readonly rates: readonly RateRow[];
}

async function opened(aws: SlowAws): Promise<{ store: DelayStore; millrace: Millrace; meter: UsageMeter }> {
  const meter = new UsageMeter();
  const store = await aws.openStore(meter);
  return { store, millrace: new Millrace({ store, clock, random }), meter };
}

/** Times an action, one after another in each of some lanes; the first ones open connections and are left out. */
async function timed(
  countOfEach: number,
  lanes: readonly ((n: number) => Promise<unknown>)[],
): Promise<LatencySummary> {
  const sample = new LatencySample(countOfEach * lanes.length);
  const lane = async (action: (n: number) => Promise<unknown>) => {
    for (let n = -10; n < countOfEach; n++) {
      const startMs = performance.now();
      await action(n);
      if (n >= 0) sample.add(performance.now() - startMs);
    }
  };
  await Promise.all(lanes.map(lane));
  return sample.summary;
}

function besideOf(name: string, latency: LatencySummary, beside: LatencyRow): LatencyRow {
  return {
    name,
    latency,
    beside: beside.name,
    p50RatioOfBeside: latency.p50Ms / beside.latency.p50Ms,
    p99RatioOfBeside: latency.p99Ms / beside.latency.p99Ms,
  };
}

const alone = (name: string, latency: LatencySummary): LatencyRow => {
  return { name, latency, beside: null, p50RatioOfBeside: null, p99RatioOfBeside: null };
};

const numbers = Array.from({ length: LANES }, (_, lane) => lane);

/** Bare requests, each beside the acknowledgement that stands on it. Lanes do not share producers: what is small would ride with what is not. */
async function benchAcks(aws: SlowAws): Promise<readonly LatencyRow[]> {
  const { store, millrace } = await opened(aws);
  const bytes = Buffer.alloc(2_048, 'x');
  const never = { 'millrace.inline.max.bytes': '0' };
  await millrace.topics.createTopic({ name: 'inline', partitionCount: LANES });
  await millrace.topics.createTopic({ name: 'segments', partitionCount: LANES, config: never });
  const sendTo = (topic: string) =>
    numbers.map((partition) => {
      const producer = millrace.producer();
      return () => producer.send({ topic, partition, value: bytes.subarray(0, 100) });
    });
  const putting = numbers.map((lane) => (n: number) => store.objects.put(`t/bench/${lane}/put-${n}`, bytes));
  const beating = numbers.map(
    (lane) => (n: number) => store.heartbeats.beat('g', `m${lane}`, { count: n + 100, generation: 0, atMs: 0 }),
  );
  for (const lane of numbers)
    await store.heartbeats.put('g', { memberId: `m${lane}`, count: 0, generation: 0, atMs: 0 });
  // At the same time, one request or record at a time in each lane: the machine is as slow for one as for another.
  const [puts, segments] = await Promise.all([timed(LONE_RECORDS, putting), timed(LONE_RECORDS, sendTo('segments'))]);
  const [updates, inlines] = await Promise.all([timed(LONE_RECORDS, beating), timed(LONE_RECORDS, sendTo('inline'))]);
  await millrace.close();
  const put = alone('one PUT of S3', puts);
  const update = alone('one update of DynamoDB', updates);
  return [put, besideOf('ack by a segment', segments, put), update, besideOf('ack inline', inlines, update)];
}

/** From `send` to the loop of a consumer that waits, at a low rate. */
async function benchTail(aws: SlowAws): Promise<LatencyRow> {
  const { millrace } = await opened(aws);
  await millrace.topics.createTopic({ name: TOPIC, partitionCount: PARTITIONS });
  const consumer = millrace.consumer({ group: 'tail', valueDeserializer: serdes.string() });
  await consumer.subscribe([TOPIC]);
  const sample = new LatencySample(TAIL_RECORDS);
  const reading = (async () => {
    let count = 0;
    for await (const { value } of consumer) {
      sample.add(performance.now() - Number(value));
      count += 1;
      if (count === TAIL_RECORDS) return;
    }
  })();
  await pause(1_000);
  const producer = millrace.producer();
  const startMs = performance.now();
  for (let n = 0; n < TAIL_RECORDS; n++) {
    await pause(Math.max(0, startMs + (n * 1000) / TAIL_PER_SECOND - performance.now()));
    void producer.send({ topic: TOPIC, partition: n % PARTITIONS, value: String(performance.now()) });
  }
  await reading;
  await producer.close();
  await consumer.close();
  await millrace.close();
  return alone(`end to end at ${TAIL_PER_SECOND}/s`, sample.summary);
}

interface Load {
  readonly name: string;
  readonly records: number;
  readonly valueBytes: number;
  readonly options: ProducerOptions;
}

async function benchRate(aws: SlowAws, load: Load): Promise<RateRow> {
  const { millrace, meter } = await opened(aws);
  await millrace.topics.createTopic({ name: TOPIC, partitionCount: PARTITIONS });
  const producer = millrace.producer(load.options);
  const value = Buffer.alloc(load.valueBytes, 'x');
  const sample = new LatencySample(load.records);
  const before = meter.usage;
  const chunk = Math.max(1, Math.round(64_000 / load.valueBytes));
  const startMs = performance.now();
  for (let n = 0; n < load.records; n += chunk) {
    const sentMs = performance.now();
    const records = Array.from({ length: chunk }, (_, k) => ({ topic: TOPIC, partition: (n + k) % PARTITIONS, value }));
    void producer.sendAll(records).then(() => sample.add(performance.now() - sentMs));
    await producer.room();
  }
  await producer.flush();
  const seconds = (performance.now() - startMs) / 1000;
  const usage = usageBetween(before, meter.usage);
  await producer.close();
  await millrace.close();
  const bytes = load.records * load.valueBytes;
  const dollars = requestDollars(usage);
  return {
    name: load.name,
    recordsPerSecond: load.records / seconds,
    megabytesPerSecond: bytes / seconds / 1e6,
    ackP50Ms: sample.summary.p50Ms,
    ackP99Ms: sample.summary.p99Ms,
    usage,
    dollarsPerMillionRecords: (dollars / load.records) * 1e6,
    dollarsPerGb: (dollars / bytes) * 1e9,
  };
}

const LOADS: readonly Load[] = [
  { name: '100 B, defaults', records: 2_000_000, valueBytes: 100, options: {} },
  { name: '1 KiB, defaults', records: 400_000, valueBytes: 1024, options: {} },
  {
    name: '100 B, 128 MiB buffer, 16 PUTs',
    records: 4_000_000,
    valueBytes: 100,
    options: { bufferMemoryBytes: 128 * 1024 * 1024, maxPutsInFlight: 16 },
  },
  {
    name: '1 KiB, 128 MiB buffer, 16 PUTs',
    records: 1_000_000,
    valueBytes: 1024,
    options: { bufferMemoryBytes: 128 * 1024 * 1024, maxPutsInFlight: 16 },
  },
];

/** Runs it all; null where there is no S3 server. */
export async function benchLatency(): Promise<LatencyResult | null> {
  const aws = await startSlowAws();
  if (aws === null) return null;
  try {
    const latencies = [...(await benchAcks(aws)), await benchTail(aws)];
    const rates: RateRow[] = [];
    for (const load of LOADS) rates.push(await benchRate(aws, load));
    return { latencies, rates };
  } finally {
    await aws.stop();
  }
}

const ms = (duration: number) => duration.toFixed(1);
const ratio = (value: number | null) => (value === null ? '' : `× ${value.toFixed(2)}`);

/** Both tables. */
export function latencyTables({ latencies, rates }: LatencyResult): string {
  const latencyHead = ['milliseconds', 'p50', 'p95', 'p99', 'max', 'p50 beside', 'p99 beside'];
  const latencyCells = latencies.map(({ name, latency, p50RatioOfBeside, p99RatioOfBeside }) => [
    name,
    ...[latency.p50Ms, latency.p95Ms, latency.p99Ms, latency.maxMs].map(ms),
    ...[p50RatioOfBeside, p99RatioOfBeside].map(ratio),
  ]);
  const rateHead = ['produced', 'records/s', 'MB/s', 'ack p50', 'p99', 'PUT', 'write units', '$/M records', '$/GB'];
  const rateCells = rates.map((row) => [
    row.name,
    `${Math.round(row.recordsPerSecond / 1000)} k`,
    row.megabytesPerSecond.toFixed(1),
    `${Math.round(row.ackP50Ms)}`,
    `${Math.round(row.ackP99Ms)}`,
    String(row.usage.puts),
    String(row.usage.writeUnits),
    row.dollarsPerMillionRecords.toFixed(5),
    row.dollarsPerGb.toFixed(4),
  ]);
  return `${formatTable(latencyHead, latencyCells)}\n\n${formatTable(rateHead, rateCells)}`;
}

if (import.meta.main) {
  const result = await benchLatency();
  if (process.argv.includes('--json')) console.log(JSON.stringify(result, null, 2));
  else if (result !== null) console.log(latencyTables(result));
}
