/**
 * How long behind their due time delayed records can be read: `node bench/delay.bench.ts [--json]`, about two minutes. The last rows need the S3 server of the emulator tests, and are left out where it cannot be had.
 *
 * A reader that looks every few milliseconds sees the records; their timestamps are their due times.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LatencySample, type LatencySummary } from '../lib/cli/latency-sample.ts';
import { Millrace } from '../lib/client/millrace.ts';
import { systemClock as clock, systemRandom as random } from '../lib/clock.ts';
import type { DelayStore, WatchedStore } from '../lib/delay/delay-store.ts';
import { DueReleaser } from '../lib/delay/due-releaser.ts';
import { LocalDelays } from '../lib/delay/local-delays.ts';
import { noMeter } from '../lib/log/meter.ts';
import { memoryStore } from '../lib/memory/memory-store.ts';
import { openFileStore } from '../lib/sqlite/sqlite-store.ts';
import { formatTable } from './format-table.ts';
import { startSlowAws } from './slow-aws.ts';

const TOPIC = 'bench';
const PARTITIONS = 8;
const LONE_RECORDS = 300;
/** They are due over this time. */
const LONE_MS = 15_000;
const BURST_RECORDS = 8_000;
/** On stores that are as slow as AWS. */
const SLOW_BURST_RECORDS = 2_000;
const BURST_AHEAD_MS = 15_000;
/** How often a releaser that no stream wakes looks which minutes were rung. */
const LIST_MS = 1_000;

/** Times behind the due time, milliseconds. */
export interface DelayRow {
  readonly name: string;
  readonly records: number;
  readonly late: LatencySummary;
}

interface Releasing {
  close(): Promise<void>;
}

/** Sends records that are due at these times, and waits until all of them were read. */
async function measure(name: string, millrace: Millrace, dueTimes: readonly number[]): Promise<DelayRow> {
  await millrace.topics.createTopic({ name: `${TOPIC}-${name.replaceAll(/\W+/g, '-')}`, partitionCount: PARTITIONS });
  const topic = `${TOPIC}-${name.replaceAll(/\W+/g, '-')}`;
  const reader = millrace.reader({ idleMinMs: 1, idleMaxMs: 10 });
  await reader.assign([{ topic }]);
  const late = new LatencySample(dueTimes.length);
  const reading = (async () => {
    for await (const { timestampMs } of reader) {
      late.add(clock.nowMs() - Number(timestampMs));
      if (late.count === dueTimes.length) return;
    }
  })();
  const producer = millrace.producer();
  const sends = dueTimes.map((dueMs, n) =>
    producer.send({ topic, key: `k${n}`, value: `value ${n}`.padEnd(100), deliverAt: new Date(dueMs) }),
  );
  await Promise.all(sends);
  await reading;
  await reader.close();
  await producer.close();
  return { name, records: dueTimes.length, late: late.summary };
}

/** What is due at random times. */
function loneTimes(): readonly number[] {
  const startMs = clock.nowMs() + 2_000;
  return Array.from({ length: LONE_RECORDS }, () => Math.floor(startMs + random.fraction() * LONE_MS));
}

function burstTimes(count: number): readonly number[] {
  return new Array<number>(count).fill(Math.floor(clock.nowMs()) + BURST_AHEAD_MS);
}

function startTimer(store: WatchedStore): Releasing {
  const timer = new LocalDelays({ store, clock, random });
  timer.start();
  return timer;
}

/** As a function that is woken for a minute goes on until it is over, without the wait for its start. */
function startPump(store: DelayStore): Releasing {
  const releaser = new DueReleaser({ store, clock, random });
  const stop = new AbortController();
  const run = async () => {
    let listedMs = Number.NEGATIVE_INFINITY;
    while (!stop.signal.aborted) {
      if (clock.monotonicMs() - listedMs >= LIST_MS) {
        listedMs = clock.monotonicMs();
        releaser.hear(await store.dueMinutes.list(1_000));
      }
      releaser.begin(stop.signal);
      await clock.sleep(Math.min(20, Math.max(0, releaser.nextMs - store.serverClock.nowMs())), stop.signal);
    }
  };
  const running = run();
  return {
    async close() {
      stop.abort();
      await running;
      await releaser.settled();
    },
  };
}

async function rowsOf(name: string, store: DelayStore, burst: number, releasing: Releasing): Promise<DelayRow[]> {
  const millrace = new Millrace({ store, clock, random });
  const rows = [
    await measure(`${name}, one by one`, millrace, loneTimes()),
    await measure(`${name}, all at once`, millrace, burstTimes(burst)),
  ];
  await millrace.close();
  await releasing.close();
  await store.close();
  return rows;
}

async function measureAll(): Promise<readonly DelayRow[]> {
  const memory = memoryStore({ clock });
  const rows = await rowsOf('memory', memory, BURST_RECORDS, startTimer(memory));
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const file = await openFileStore({ directory, clock });
    rows.push(...(await rowsOf('files', file, BURST_RECORDS, startTimer(file))));
  } finally {
    await rm(directory, { recursive: true });
  }
  const aws = await startSlowAws();
  if (aws === null) return rows;
  const slow = await aws.openStore(noMeter);
  rows.push(...(await rowsOf('as slow as AWS', slow, SLOW_BURST_RECORDS, startPump(slow))));
  await aws.stop();
  return rows;
}

const rows = await measureAll();
if (process.argv.includes('--json')) console.log(JSON.stringify(rows, null, 2));
else {
  const cells = rows.map(({ name, records, late }) => [
    name,
    String(records),
    ...[late.p50Ms, late.p99Ms, late.maxMs].map((one) => one.toFixed(0)),
  ]);
  console.log('Milliseconds behind the due time until a reader has the record:\n');
  console.log(formatTable(['', 'records', 'p50', 'p99', 'last'], cells));
}
