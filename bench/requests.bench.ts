/**
 * What appending and reading ask of the stores, and what AWS would charge for it. Counts are exact, whatever else the machine is doing.
 * `node bench/requests.bench.ts [--json]`.
 */
import { systemClock, systemRandom } from '../lib/clock.ts';
import { Appender } from '../lib/log/appender.ts';
import { Fetcher } from '../lib/log/fetcher.ts';
import { requestDollars, type StoreUsage, UsageMeter, usageBetween } from '../lib/log/meter.ts';
import { TopicAdmin } from '../lib/log/topic-admin.ts';
import { memoryStore } from '../lib/memory/memory-store.ts';
import { encodeBatch } from '../lib/record/encode-batch.ts';
import { formatTable } from './format-table.ts';

/** One workload and what it cost. */
export interface RequestRow {
  readonly name: string;
  readonly records: number;
  readonly usage: StoreUsage;
  readonly dollarsPerMillionRecords: number;
  readonly dollarsPerGb: number;
}

interface Workload {
  readonly name: string;
  readonly flushes: number;
  readonly partitions: number;
  readonly recordsPerPartition: number;
  readonly valueBytes: number;
  readonly inlineMaxBytes: number;
}

const WORKLOADS: readonly Workload[] = [
  {
    name: '1 record of 100 B a flush, inline',
    flushes: 2_000,
    partitions: 1,
    recordsPerPartition: 1,
    valueBytes: 100,
    inlineMaxBytes: 1024,
  },
  {
    name: '1 record of 100 B a flush, never inline',
    flushes: 2_000,
    partitions: 1,
    recordsPerPartition: 1,
    valueBytes: 100,
    inlineMaxBytes: 0,
  },
  {
    name: '8 records of 100 B a flush, inline',
    flushes: 2_000,
    partitions: 1,
    recordsPerPartition: 8,
    valueBytes: 100,
    inlineMaxBytes: 1024,
  },
  {
    name: '64 KiB a flush, 1 partition',
    flushes: 500,
    partitions: 1,
    recordsPerPartition: 64,
    valueBytes: 1024,
    inlineMaxBytes: 1024,
  },
  {
    name: '64 KiB a flush, 8 partitions',
    flushes: 500,
    partitions: 8,
    recordsPerPartition: 8,
    valueBytes: 1024,
    inlineMaxBytes: 1024,
  },
  {
    name: '1 MiB a flush, 8 partitions',
    flushes: 100,
    partitions: 8,
    recordsPerPartition: 128,
    valueBytes: 1024,
    inlineMaxBytes: 1024,
  },
  {
    name: '8 MiB a flush, 64 partitions',
    flushes: 20,
    partitions: 64,
    recordsPerPartition: 128,
    valueBytes: 1024,
    inlineMaxBytes: 1024,
  },
];

const GB = 1e9;

function row(name: string, records: number, bytes: number, usage: StoreUsage): RequestRow {
  const dollars = requestDollars(usage);
  return {
    name,
    records,
    usage,
    dollarsPerMillionRecords: (dollars / records) * 1e6,
    dollarsPerGb: (dollars / bytes) * GB,
  };
}

async function measure(workload: Workload): Promise<readonly RequestRow[]> {
  const { flushes, partitions, recordsPerPartition, valueBytes, inlineMaxBytes } = workload;
  const meter = new UsageMeter();
  const deps = { store: memoryStore({ clock: systemClock, meter }), clock: systemClock, random: systemRandom };
  const topic = await new TopicAdmin(deps).createTopic({ name: 'bench', partitionCount: partitions });
  const appender = new Appender({ ...deps, segmentBytes: 64 * 1024 * 1024 });
  const value = new Uint8Array(valueBytes);
  const batch = encodeBatch(
    Array.from({ length: recordsPerPartition }, () => ({ key: null, value, headers: [], timestampMs: 0n })),
  );
  const targets = Array.from({ length: partitions }, (_, partition) => ({
    partition: { topicId: topic.topicId, partition },
    domain: topic.domain,
    inlineMaxBytes,
  }));
  const start = meter.usage;
  for (let flush = 0; flush < flushes; flush++) {
    await Promise.all(targets.map((target) => appender.append({ target, batches: batch })));
  }
  await appender.close();
  const written = meter.usage;
  const records = flushes * partitions * recordsPerPartition;
  const bytes = records * valueBytes;
  await readAll(new Fetcher(deps), targets);
  const read = usageBetween(written, meter.usage);
  await deps.store.close();
  return [row(workload.name, records, bytes, usageBetween(start, written)), row('  … read once', records, bytes, read)];
}

async function readAll(
  fetcher: Fetcher,
  targets: readonly { partition: { topicId: string; partition: number }; domain: string }[],
): Promise<void> {
  const offsets = targets.map(() => 0n);
  for (;;) {
    const wanted = targets.map((target, index) => ({ ...target, offset: offsets[index]!, maxBytes: 1024 * 1024 }));
    const fetched = await fetcher.fetch(wanted, { maxBytes: 8 * 1024 * 1024 });
    let progress = false;
    for (const [index, partition] of fetched.entries()) {
      if (partition.outcome === 'failed') throw partition.error;
      progress ||= partition.nextOffset > offsets[index]!;
      offsets[index] = partition.nextOffset;
    }
    if (!progress) return;
  }
}

/** Runs all workloads. */
export async function benchRequests(): Promise<readonly RequestRow[]> {
  const rows: RequestRow[] = [];
  for (const workload of WORKLOADS) rows.push(...(await measure(workload)));
  return rows;
}

/** The rows as a table. */
export function requestTable(rows: readonly RequestRow[]): string {
  const head = ['requests', 'records', 'PUT', 'GET', 'write units', 'read units', '$/M records', '$/GB'];
  const cells = rows.map(({ name, records, usage, dollarsPerMillionRecords, dollarsPerGb }) => [
    name,
    String(records),
    String(usage.puts),
    String(usage.gets),
    String(usage.writeUnits),
    String(usage.readUnits),
    dollarsPerMillionRecords.toFixed(4),
    dollarsPerGb.toFixed(4),
  ]);
  return formatTable(head, cells);
}

if (import.meta.main) {
  const rows = await benchRequests();
  console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : requestTable(rows));
}
