/**
 * Key compaction of ten million keys, by the memory that it may take for them: `node bench/key-compaction.bench.ts [--json] [--keys 10000000]`, about five minutes and 2 GB on the disk.
 *
 * A partition on files holds each key once, and behind that every tenth of them a second time, so that a tenth of each batch goes. Each cleaning runs in a process of its own, on a copy of the same files, so that its memory is nobody else's.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemRandom as random } from '../lib/clock.ts';
import { Appender } from '../lib/log/appender.ts';
import { inParallel } from '../lib/log/in-parallel.ts';
import { rollTail } from '../lib/log/roll.ts';
import { TopicAdmin } from '../lib/log/topic-admin.ts';
import { describeJobs } from '../lib/maintenance/describe-jobs.ts';
import { type JobName, runMaintenance } from '../lib/maintenance/run-maintenance.ts';
import { encodeBatch } from '../lib/record/encode-batch.ts';
import { openFileStore } from '../lib/sqlite/sqlite-store.ts';
import { clockAhead } from './clock-ahead.ts';
import { formatTable } from './format-table.ts';
import { option, processRow } from './process-row.ts';

const TOPIC = 'table';
const MIB = 1024 * 1024;
const BATCH_RECORDS = 1_000;
const AGAIN = 10;
const MAPS_MIB = [64, 256];
const HOUR_MS = 3_600_000;

/** One cleaning. */
export interface CleaningRow {
  readonly mapMiB: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Of one core. */
  readonly cpuSeconds: number;
  /** Of the process, all in all. */
  readonly peakMiB: number;
  readonly readMiB: number;
  readonly writtenMiB: number;
  readonly removed: number;
}

/** Keys from `first` on, each `step` behind the one before. */
function batchOf(first: number, step: number, version: number, nowMs: number): Uint8Array {
  const records = Array.from({ length: BATCH_RECORDS }, (_, index) => ({
    key: Buffer.from(`user-${String(first + index * step).padStart(9, '0')}`),
    value: Buffer.from(`{"version":${version},"plan":"free","seen":${(first + index * step) * 7919}}`),
    headers: [],
    timestampMs: BigInt(Math.floor(nowMs)),
  }));
  return encodeBatch(records, { compression: 'lz4' });
}

/** Writes the partition and rewrites it into level 1. */
async function prepare(directory: string, keys: number): Promise<void> {
  let aheadMs = 0;
  const clock = clockAhead(() => aheadMs);
  const store = await openFileStore({ directory, clock });
  const deps = { store, clock, random };
  const config = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', 'max.compaction.lag.ms': '1' };
  const { topicId } = await new TopicAdmin(deps).createTopic({ name: TOPIC, partitionCount: 1, config });
  const appender = new Appender(deps);
  const target = { partition: { topicId, partition: 0 }, domain: 'shared', inlineMaxBytes: 0 };
  const append = async (step: number, version: number) => {
    const batches = Math.ceil(keys / step / BATCH_RECORDS);
    await inParallel(Array(batches).keys(), 16, async (index) => {
      const first = index * step * BATCH_RECORDS;
      await appender.append({ target, batches: batchOf(first, step, version, clock.nowMs()) });
    });
  };
  await append(1, 1);
  await append(AGAIN, 2);
  await appender.close();
  const head = await store.heads.read(target.partition, { consistent: true });
  await rollTail(store, target.partition, head!);
  for (let run = 0; run < 3; run++) {
    aheadMs += HOUR_MS;
    await maintain(deps, 'compaction', {});
  }
  await store.close();
}

async function maintain(deps: Parameters<typeof runMaintenance>[0], job: JobName, options: object): Promise<void> {
  const [run] = await runMaintenance(deps, {
    jobs: [job],
    deadlineMs: Number.POSITIVE_INFINITY,
    evenIfNotDue: true,
    ...options,
  });
  if (run!.result.outcome !== 'done') throw new Error(`${job}: ${JSON.stringify(run!.result)}`);
}

/** In a process of its own. */
async function clean(directory: string, mapMiB: number): Promise<CleaningRow> {
  let aheadMs = 10 * HOUR_MS;
  const clock = clockAhead(() => aheadMs);
  const store = await openFileStore({ directory, clock });
  const deps = { store, clock, random };
  // The first run only looks at the clock.
  await maintain(deps, 'key-compaction', {});
  aheadMs += HOUR_MS;
  const startMs = clock.monotonicMs();
  const startCpu = process.cpuUsage();
  await maintain(deps, 'key-compaction', { mapBytes: mapMiB * MIB });
  const seconds = (clock.monotonicMs() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  const described = (await describeJobs(deps)).find(({ job }) => job === 'key-compaction');
  if (described?.job !== 'key-compaction') throw new Error('no report');
  const { cleaned, bytesRead, bytesWritten, recordsRemoved } = described.report!;
  await store.close();
  const peakMiB = process.resourceUsage().maxRSS / 1_024;
  return {
    mapMiB,
    rounds: cleaned,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMiB,
    readMiB: bytesRead / MIB,
    writtenMiB: bytesWritten / MIB,
    removed: recordsRemoved,
  };
}

async function measureAll(keys: number): Promise<readonly CleaningRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const origin = join(folder, 'origin');
    await prepare(origin, keys);
    const rows: CleaningRow[] = [];
    for (const mapMiB of MAPS_MIB) {
      const copy = join(folder, `map-${mapMiB}`);
      await cp(origin, copy, { recursive: true });
      rows.push(processRow(fileURLToPath(import.meta.url), ['--clean', copy, '--map', String(mapMiB)]));
      await rm(copy, { recursive: true });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const copied = option('--clean');
if (copied !== undefined) {
  console.log(JSON.stringify(await clean(copied, Number(option('--map')))));
} else {
  const keys = Number(option('--keys') ?? 10_000_000);
  const rows = await measureAll(keys);
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows, null, 2));
  else {
    console.log(`Key compaction of ${keys} keys, a tenth of them twice:\n`);
    const cells = rows.map((row) =>
      [row.mapMiB, row.rounds, row.seconds, row.cpuSeconds, row.peakMiB, row.readMiB, row.writtenMiB, row.removed].map(
        (one) => one.toFixed(0),
      ),
    );
    const names = [
      'map MiB',
      'rounds',
      'seconds',
      'of one core',
      'peak MiB',
      'read MiB',
      'written MiB',
      'records removed',
    ];
    console.log(formatTable(names, cells));
  }
}
