/**
 * What compaction takes in memory: `node bench/compaction-memory.bench.ts [--json] [--mib 512]`, some minutes and twice as much on the disk.
 *
 * Each log is on files and is rewritten in a process of its own, whose resident size at most is told, and that of a process that looks at the same log and finds nothing to do.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemRandom as random, systemClock } from '../lib/clock.ts';
import { Appender } from '../lib/log/appender.ts';
import { inParallel } from '../lib/log/in-parallel.ts';
import { TopicAdmin } from '../lib/log/topic-admin.ts';
import { describeJobs } from '../lib/maintenance/describe-jobs.ts';
import { type JobName, runMaintenance } from '../lib/maintenance/run-maintenance.ts';
import { encodeBatch } from '../lib/record/encode-batch.ts';
import { openFileStore } from '../lib/sqlite/sqlite-store.ts';
import { clockAhead } from './clock-ahead.ts';
import { formatTable } from './format-table.ts';
import { option, processRow } from './process-row.ts';

const KIB = 1024;
const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** How a log is written. */
interface Log {
  readonly name: string;
  readonly partitions: number;
  readonly batchBytes: number;
  readonly segmentBytes: number;
  /** Of what is asked for. */
  readonly share: number;
  readonly config: Readonly<Record<string, string>>;
}

const LOGS: readonly Log[] = [
  { name: 'one partition', partitions: 1, batchBytes: 64 * KIB, segmentBytes: 64 * KIB, share: 1, config: {} },
  {
    name: 'a hundred that share segments',
    partitions: 100,
    batchBytes: KIB,
    segmentBytes: 100 * KIB,
    share: 1 / 4,
    config: {},
  },
  {
    name: 'one by key, chunks of 100 MiB',
    partitions: 1,
    batchBytes: MIB,
    segmentBytes: MIB,
    share: 1,
    config: { 'cleanup.policy': 'compact' },
  },
];

/** One rewriting. */
export interface MemoryRow {
  readonly name: string;
  readonly rewrittenMiB: number;
  readonly objects: number;
  readonly cpuSeconds: number;
  /** Of the process, all in all. */
  readonly peakMiB: number;
  /** Of one that finds nothing to do. */
  readonly idleMiB: number;
}

async function prepare(directory: string, { partitions, batchBytes, segmentBytes, share, config }: Log, mib: number) {
  const store = await openFileStore({ directory, clock: systemClock });
  const deps = { store, clock: systemClock, random };
  const { topicId } = await new TopicAdmin(deps).createTopic({ name: 'log', partitionCount: partitions, config });
  const appender = new Appender({ ...deps, segmentBytes });
  const count = Math.ceil((mib * MIB * share) / batchBytes);
  await inParallel(Array(count).keys(), Math.max(16, partitions), async (index) => {
    const record = { key: Buffer.from(`key-${index}`), value: randomBytes(batchBytes - 100), headers: [] };
    const batches = encodeBatch([{ ...record, timestampMs: BigInt(Math.floor(systemClock.nowMs())) }]);
    const partition = { topicId, partition: index % partitions };
    await appender.append({ target: { partition, domain: 'shared', inlineMaxBytes: 0 }, batches });
  });
  await appender.close();
  await store.close();
}

/** In a process of its own. The first run only looks at the clock, by which the second one goes. */
async function rewrite(directory: string, runs: number): Promise<Omit<MemoryRow, 'name' | 'idleMiB'>> {
  let aheadMs = HOUR_MS;
  const clock = clockAhead(() => aheadMs);
  const store = await openFileStore({ directory, clock });
  const deps = { store, clock, random };
  const startCpu = process.cpuUsage();
  const jobs: readonly JobName[] = ['compaction'];
  for (let run = 0; run < runs; run++) {
    const [{ result } = { result: null }] = await runMaintenance(deps, {
      jobs,
      deadlineMs: Number.POSITIVE_INFINITY,
      evenIfNotDue: true,
      waitMs: 0,
    });
    if (result?.outcome !== 'done') throw new Error(JSON.stringify(result));
    aheadMs += HOUR_MS;
  }
  const { user, system } = process.cpuUsage(startCpu);
  const described = (await describeJobs(deps)).find(({ job }) => job === 'compaction');
  if (described?.job !== 'compaction') throw new Error('no report');
  const { bytes, objects } = described.report!;
  await store.close();
  const peakMiB = process.resourceUsage().maxRSS / KIB;
  return { rewrittenMiB: bytes / MIB, objects, cpuSeconds: (user + system) / 1e6, peakMiB };
}

function inProcess(directory: string, runs: number): Omit<MemoryRow, 'name' | 'idleMiB'> {
  return processRow(fileURLToPath(import.meta.url), ['--rewrite', directory, '--runs', String(runs)]);
}

async function measure(log: Log, mib: number): Promise<MemoryRow> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    await prepare(folder, log, mib);
    const idle = inProcess(folder, 1);
    return { name: log.name, ...inProcess(folder, 2), idleMiB: idle.peakMiB };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const directory = option('--rewrite');
if (directory !== undefined) {
  console.log(JSON.stringify(await rewrite(directory, Number(option('--runs')))));
} else {
  const mib = Number(option('--mib') ?? 512);
  const rows: MemoryRow[] = [];
  for (const log of LOGS) rows.push(await measure(log, mib));
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows, null, 2));
  else {
    const cells = rows.map(({ name, ...row }) => [
      name,
      ...[row.rewrittenMiB, row.objects, row.cpuSeconds, row.peakMiB, row.idleMiB].map((one) => one.toFixed(0)),
    ]);
    console.log(formatTable(['log', 'rewritten MiB', 'objects', 'seconds of one core', 'peak MiB', 'idle MiB'], cells));
  }
}
