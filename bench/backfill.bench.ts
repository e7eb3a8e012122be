/**
 * What a reader of everything costs those who live at the end: `node bench/backfill.bench.ts [--json]`, about two minutes. Over S3 and DynamoDB that answer as late as AWS does; needs the S3 server of the emulator tests, and measures nothing where it
 * cannot be had.
 *
 * One process has all of it: a producer at a low rate, a reader that waits for what it sends, and readers that begin at the oldest record again and again, over the same connections. In turns with and without the last, so that what else the machine
 * does falls on both.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { LatencySample, type LatencySummary } from '../lib/cli/latency-sample.ts';
import { Millrace } from '../lib/client/millrace.ts';
import { systemClock as clock, systemRandom as random } from '../lib/clock.ts';
import { UsageMeter } from '../lib/log/meter.ts';
import { formatTable } from './format-table.ts';
import { startSlowAws } from './slow-aws.ts';

const TOPIC = 'bench';
const PARTITIONS = 8;
/** In segments of about 1 MB. */
const BACKLOG_BYTES = 192 * 1024 * 1024;
const FLUSH_BYTES = 1024 * 1024;
const VALUE_BYTES = 1024;
const TURNS = 4;
const TAIL_RECORDS = 300;
const TAIL_PER_SECOND = 20;

/** Milliseconds at the end of the log, alone and beside readers of everything. */
export interface BackfillResult {
  readonly ack: { readonly alone: LatencySummary; readonly beside: LatencySummary };
  readonly endToEnd: { readonly alone: LatencySummary; readonly beside: LatencySummary };
  /** What the backfill read at the same time, MB a second. */
  readonly backfillMegabytesPerSecond: number;
}

async function writeBacklog(millrace: Millrace): Promise<void> {
  const producer = millrace.producer({ compression: 'none', maxPutsInFlight: 16 });
  const value = Buffer.alloc(VALUE_BYTES, 'x');
  for (let written = 0; written < BACKLOG_BYTES; written += FLUSH_BYTES) {
    const partition = (written / FLUSH_BYTES) % PARTITIONS;
    const records = Array.from({ length: FLUSH_BYTES / VALUE_BYTES }, () => ({ topic: TOPIC, partition, value }));
    void producer.sendAll(records);
    await producer.room();
  }
  await producer.close();
}

/** Sends at a steady rate, and reads what was sent. */
async function tail(millrace: Millrace, { ack, endToEnd }: { ack: LatencySample; endToEnd: LatencySample }) {
  const reader = millrace.reader();
  await reader.assign([{ topic: TOPIC, from: 'end' }]);
  await pause(500);
  const reading = (async () => {
    let count = 0;
    for await (const record of reader) {
      endToEnd.add(performance.now() - Number(record.text()));
      count += 1;
      if (count === TAIL_RECORDS) return;
    }
  })();
  const producer = millrace.producer();
  const startMs = performance.now();
  for (let n = 0; n < TAIL_RECORDS; n++) {
    await pause(Math.max(0, startMs + (n * 1000) / TAIL_PER_SECOND - performance.now()));
    const sentMs = performance.now();
    const sent = producer.send({ topic: TOPIC, partition: n % PARTITIONS, value: String(sentMs) });
    void sent.then(() => ack.add(performance.now() - sentMs));
  }
  await reading;
  await producer.close();
  await reader.close();
}

/** Reads everything from the beginning, again and again, until told to stop; returns how many bytes that were. */
async function backfill(millrace: Millrace, stop: AbortSignal): Promise<number> {
  let bytes = 0;
  while (!stop.aborted) {
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: TOPIC, from: 'beginning' }]);
    for await (const { valueBytes } of reader) {
      bytes += valueBytes?.length ?? 0;
      if (stop.aborted) break;
    }
    await reader.close();
  }
  return bytes;
}

/** Runs it; null where there is no S3 server. */
export async function benchBackfill(): Promise<BackfillResult | null> {
  const aws = await startSlowAws();
  if (aws === null) return null;
  try {
    const store = await aws.openStore(new UsageMeter());
    const millrace = new Millrace({ store, clock, random });
    // What is read of the end is GET too.
    const config = { 'millrace.inline.max.bytes': '0' };
    await millrace.topics.createTopic({ name: TOPIC, partitionCount: PARTITIONS, config });
    await writeBacklog(millrace);
    const samples = () => ({
      ack: new LatencySample(TURNS * TAIL_RECORDS),
      endToEnd: new LatencySample(TURNS * TAIL_RECORDS),
    });
    const [alone, beside] = [samples(), samples()];
    let [bytes, seconds] = [0, 0];
    for (let turn = 0; turn < TURNS; turn++) {
      await tail(millrace, alone);
      const stop = new AbortController();
      const startMs = performance.now();
      const filling = backfill(millrace, stop.signal);
      await tail(millrace, beside);
      stop.abort();
      bytes += await filling;
      seconds += (performance.now() - startMs) / 1000;
    }
    await millrace.close();
    return {
      ack: { alone: alone.ack.summary, beside: beside.ack.summary },
      endToEnd: { alone: alone.endToEnd.summary, beside: beside.endToEnd.summary },
      backfillMegabytesPerSecond: bytes / seconds / 1e6,
    };
  } finally {
    await aws.stop();
  }
}

/** The table. */
export function backfillTable({ ack, endToEnd, backfillMegabytesPerSecond }: BackfillResult): string {
  const head = ['milliseconds', 'alone p50', 'p99', 'beside a backfill p50', 'p99', 'p50 ratio', 'p99 ratio'];
  const cells = Object.entries({ 'ack by a segment': ack, 'end to end': endToEnd }).map(([name, { alone, beside }]) => [
    name,
    ...[alone.p50Ms, alone.p99Ms, beside.p50Ms, beside.p99Ms].map((ms) => ms.toFixed(0)),
    ...[beside.p50Ms / alone.p50Ms, beside.p99Ms / alone.p99Ms].map((ratio) => `× ${ratio.toFixed(2)}`),
  ]);
  return `${formatTable(head, cells)}\n\nThe backfill read ${backfillMegabytesPerSecond.toFixed(0)} MB/s.`;
}

if (import.meta.main) {
  const result = await benchBackfill();
  if (process.argv.includes('--json')) console.log(JSON.stringify(result, null, 2));
  else if (result !== null) console.log(backfillTable(result));
}
