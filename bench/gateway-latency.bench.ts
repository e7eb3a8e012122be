/**
 * The gateway over S3 and DynamoDB that answer late: `node bench/gateway-latency.bench.ts [--json]`. PUT takes 100 ms at the median and 195 ms at the 99th percentile, GET 63/78, DynamoDB 4/15. Needs the S3 server of the emulator tests, a
 * JDK and Maven; says so and measures nothing where there is no S3 server.
 *
 * Bare requests are measured beside, at the same time, since the machine adds to what the proxies delay. Each lane has a gateway of its own: with one for all, a record would wait for the flush of another's.
 */
import { LatencySample, type LatencySummary } from '../lib/cli/latency-sample.ts';
import { systemClock as clock, systemRandom as random } from '../lib/clock.ts';
import { startGateway } from '../lib/gateway/gateway.ts';
import { produceApi } from '../lib/gateway/protocol/messages/log-messages.ts';
import { noMeter } from '../lib/log/meter.ts';
import { encodeBatch } from '../lib/record/encode-batch.ts';
import { WireClient } from '../test/gateway/wire-client.ts';
import { formatTable } from './format-table.ts';
import { createTopic, produce } from './gateway/perf-tools.ts';
import { type SlowAws, startSlowAws } from './slow-aws.ts';

/** What one request or record at a time takes. */
export interface GatewayLatencyRow {
  readonly name: string;
  readonly latency: LatencySummary;
}

/** What one producer of Kafka's Java client reaches. */
export interface GatewayRateRow {
  readonly name: string;
  readonly megabytesPerSecond: number;
  /** Five requests in flight, each with a batch for every partition, in the time of an acknowledgement. */
  readonly limitMegabytesPerSecond: number;
}

/** All that was measured. */
export interface GatewayLatencyResult {
  readonly latencies: readonly GatewayLatencyRow[];
  readonly rates: readonly GatewayRateRow[];
}

const LANES = 4;
const RECORDS_OF_LANE = 60;
const WARM_UP = 5;
const PARTITIONS = 4;
const IN_FLIGHT = 5;
const RECORD_BYTES = 100;
const PRODUCE_VERSION = 9;

const loads = [
  { name: 'default: linger 5, 16 KiB', batchBytes: 16_384, records: 120_000, settings: {} },
  {
    name: 'linger 20, 128 KiB',
    batchBytes: 131_072,
    records: 600_000,
    settings: { 'linger.ms': 20, 'batch.size': 131_072 },
  },
  {
    name: 'linger 100, 1 MiB, requests of 4 MiB, 128 MiB of buffer',
    batchBytes: 1_048_576,
    records: 2_000_000,
    settings: {
      'linger.ms': 100,
      'batch.size': 1_000_000,
      'max.request.size': 4_194_304,
      'buffer.memory': 134_217_728,
    },
  },
] as const;

async function startOne(aws: SlowAws) {
  const store = await aws.openStore(noMeter);
  const gateway = await startGateway({ store, clock, random, port: 0 });
  return { store, gateway };
}

/** One after another; the first ones open connections and are left out. */
async function timed(sample: LatencySample, action: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = -WARM_UP; n < RECORDS_OF_LANE; n++) {
    const startMs = performance.now();
    await action(n);
    if (n >= 0) sample.add(performance.now() - startMs);
  }
}

async function sendOne(client: WireClient, topic: string): Promise<void> {
  const record = { key: null, value: Buffer.alloc(RECORD_BYTES, 'x'), headers: [], timestampMs: BigInt(Date.now()) };
  const partitionData = [{ index: 0, records: encodeBatch([record]) }];
  const body = { acks: -1, timeoutMs: 30_000, topicData: [{ name: topic, partitionData }] };
  const answer = await client.ask(produceApi, PRODUCE_VERSION, body);
  const errorCode = answer.responses[0]?.partitionResponses[0]?.errorCode;
  if (errorCode !== 0) throw new TypeError(`a record was refused: error ${errorCode}`);
}

async function benchLane(aws: SlowAws, lane: number, samples: readonly LatencySample[]): Promise<void> {
  const [puts, segments, updates, inline] = samples as [LatencySample, LatencySample, LatencySample, LatencySample];
  const [one, other] = [await startOne(aws), await startOne(aws)];
  const [client, second] = [new WireClient(one.gateway.port), new WireClient(other.gateway.port)];
  const { objects, heartbeats } = one.store;
  const never = [{ name: 'millrace.inline.max.bytes', value: '0' }];
  await createTopic(one.gateway.port, 'segments', 1, never);
  await createTopic(other.gateway.port, 'inline', 1);
  await heartbeats.put('bench', { memberId: 'm', count: 0, generation: 0, atMs: 0 });
  const bytes = Buffer.alloc(200, 'x');
  await Promise.all([
    timed(puts, (n) => objects.put(`t/bench/${lane}/put-${n}`, bytes)),
    timed(segments, () => sendOne(client, 'segments')),
  ]);
  await Promise.all([
    timed(updates, (n) => heartbeats.beat('bench', 'm', { count: n + 100, generation: 0, atMs: 0 })),
    timed(inline, () => sendOne(second, 'inline')),
  ]);
  client.close();
  second.close();
  await Promise.all([one.gateway.close(), other.gateway.close()]);
}

async function benchAcks(aws: SlowAws): Promise<readonly GatewayLatencyRow[]> {
  const names = ['one PUT', 'produce, by a segment', 'one DynamoDB update', 'produce, inline'];
  const samples = names.map(() => new LatencySample(LANES * RECORDS_OF_LANE));
  await Promise.all(Array.from({ length: LANES }, (_, lane) => benchLane(aws, lane, samples)));
  return names.map((name, index) => ({ name, latency: samples[index]!.summary }));
}

async function benchRates(aws: SlowAws, ackMs: number): Promise<readonly GatewayRateRow[]> {
  const rows: GatewayRateRow[] = [];
  for (const { name, batchBytes, records, settings } of loads) {
    const { gateway } = await startOne(aws);
    await createTopic(gateway.port, 'rates', PARTITIONS);
    const load = { topic: 'rates', records, recordBytes: RECORD_BYTES, settings };
    const { recordsPerSecond } = await produce(gateway.port, load);
    await gateway.close();
    const inFlightBytes = IN_FLIGHT * PARTITIONS * batchBytes;
    rows.push({
      name,
      megabytesPerSecond: (recordsPerSecond * RECORD_BYTES) / 1e6,
      limitMegabytesPerSecond: inFlightBytes / 1000 / ackMs,
    });
  }
  return rows;
}

/** Measures; null where there is no S3 server. */
export async function benchGatewayLatency(): Promise<GatewayLatencyResult | null> {
  const aws = await startSlowAws('s3Slow');
  if (aws === null) return null;
  try {
    const latencies = await benchAcks(aws);
    const rates = await benchRates(aws, latencies[1]!.latency.p50Ms);
    return { latencies, rates };
  } finally {
    await aws.stop();
  }
}

/** As it is printed. */
export function gatewayLatencyTables({ latencies, rates }: GatewayLatencyResult): string {
  const ms = (value: number) => value.toFixed(1);
  const acks = formatTable(
    ['milliseconds', 'p50', 'p95', 'p99'],
    latencies.map(({ name, latency }) => [name, ms(latency.p50Ms), ms(latency.p95Ms), ms(latency.p99Ms)]),
  );
  const speeds = formatTable(
    ['one Java producer, records of 100 B', 'MB/s', 'limit, MB/s', 'of it'],
    rates.map(({ name, megabytesPerSecond: rate, limitMegabytesPerSecond: limit }) => {
      return [name, rate.toFixed(1), limit.toFixed(1), `${Math.round((100 * rate) / limit)} %`];
    }),
  );
  return `${acks}\n\n${speeds}`;
}

if (import.meta.main) {
  const result = await benchGatewayLatency();
  if (result !== null) {
    console.log(process.argv.includes('--json') ? JSON.stringify(result, null, 2) : gatewayLatencyTables(result));
  } else if (process.argv.includes('--json')) console.log('null');
}
