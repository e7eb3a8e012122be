/**
 * Functions that commits call: `node bench/event-source.bench.ts [--json]`. How long it takes from the acknowledgement of a commit to the start of a handler, as `millrace dev` runs it here and as AWS would, and what it costs.
 *
 * What is simulated is the same in every run, and so are counts and prices. What is measured here depends on the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LatencySample, type LatencySummary } from '../lib/cli/latency-sample.ts';
import { startDevServer } from '../lib/dev/dev-server.ts';
import type { StoreUsage } from '../lib/log/meter.ts';
import { measureIdleMonth, measureTrigger, triggerDollars } from '../test/docs/measured-trigger-cost.ts';
import { formatTable } from './format-table.ts';
import { simulateTriggers, type TriggerWay } from './simulated-triggers.ts';

/** A way and how long it takes. */
export interface TriggerLatencyRow {
  readonly name: string;
  readonly path: 'inline' | 'segment';
  readonly latency: LatencySummary;
}

/** A batch and what it costs. */
export interface TriggerCostRow {
  readonly mode: 'push' | 'pull';
  readonly path: 'inline' | 'segment';
  readonly recordsPerBatch: number;
  readonly usage: StoreUsage;
  readonly dollarsPerMillionRecords: number;
}

/** All that was measured. */
export interface EventSourceResult {
  readonly local: readonly TriggerLatencyRow[];
  readonly simulated: readonly TriggerLatencyRow[];
  readonly costs: readonly TriggerCostRow[];
  readonly idle: readonly { readonly partitions: number; readonly readUnits: number; readonly dollars: number }[];
}

const PATHS = ['inline', 'segment'] as const;
const MODES = ['push', 'pull'] as const;
const LOCAL_RECORDS = 500;
/** More than a handler takes: each record rings for itself. */
const LOCAL_PAUSE_MS = 30;
const SIMULATED_RECORDS = 2_000;
const FUNCTIONS = fileURLToPath(new URL('./functions/say-started.ts', import.meta.url));

/** One function as a process of `millrace dev`, over files. */
async function benchLocal(mode: 'push' | 'pull', path: 'inline' | 'segment'): Promise<TriggerLatencyRow> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const startedNs = new Map<string, bigint>();
  const server = await startDevServer({
    directory,
    httpPort: 0,
    config: {
      topics: [{ name: 'orders', partitionCount: 1 }],
      functions: [{ name: 'f', file: FUNCTIONS, handler: mode === 'push' ? 'pushed' : 'pulled' }],
      subscriptions: [{ name: 's', topic: 'orders', target: 'f', options: { mode } }],
    },
    onNews(news) {
      const [word, atNs = '', ...values] = news.kind === 'log' ? news.line.split(' ') : [];
      if (word === 'started') for (const value of values) startedNs.set(value, BigInt(atNs));
    },
  });
  const sample = new LatencySample(LOCAL_RECORDS);
  try {
    const { topics } = server.tools.millrace;
    if (path === 'segment') await topics.alterTopic('orders', { set: { 'millrace.inline.max.bytes': '0' } });
    const producer = server.tools.millrace.producer();
    for (let n = -10; n < LOCAL_RECORDS; n++) {
      await producer.send({ topic: 'orders', value: `${n}` });
      const acknowledgedNs = process.hrtime.bigint();
      while (!startedNs.has(`${n}`)) await pause(1);
      // The first ones wait for processes to begin.
      if (n >= 0) sample.add(Math.max(0, Number(startedNs.get(`${n}`)! - acknowledgedNs) / 1e6));
      await pause(2 * LOCAL_PAUSE_MS * Math.random());
    }
    await producer.close();
  } finally {
    await server.close();
    rmSync(directory, { recursive: true });
  }
  return { name: mode, path, latency: sample.summary };
}

const WAYS: readonly (readonly [name: string, way: TriggerWay, pauseMs: number])[] = [
  ['push, the stream asked each 250 ms', 'push', 2_000],
  ['pull, the stream asked each 250 ms', 'pull', 2_000],
  ['push, 20 records a second', 'push', 50],
  ['pull, 20 records a second', 'pull', 50],
  ['a poller, each 100 ms', { pollMs: 100 }, 2_000],
  ['a poller, each second', { pollMs: 1_000 }, 2_000],
  ['a poller, each 20 s', { pollMs: 20_000 }, 2_000],
];

async function benchSimulated(records: number): Promise<readonly TriggerLatencyRow[]> {
  const rows: TriggerLatencyRow[] = [];
  for (const [name, way, pauseMs] of WAYS) {
    for (const path of PATHS) {
      rows.push({ name, path, latency: await simulateTriggers({ way, path, records, pauseMs }) });
    }
  }
  return rows;
}

async function benchCosts(): Promise<readonly TriggerCostRow[]> {
  const rows: TriggerCostRow[] = [];
  for (const mode of MODES) {
    for (const path of PATHS) {
      // A hundred records are more than a head takes in.
      for (const recordsPerBatch of path === 'inline' ? [1, 10] : [1, 10, 100, 10_000]) {
        const usage = await measureTrigger(mode, path, recordsPerBatch);
        const dollarsPerMillionRecords = triggerDollars(mode, usage, recordsPerBatch);
        rows.push({ mode, path, recordsPerBatch, usage, dollarsPerMillionRecords });
      }
    }
  }
  return rows;
}

/** Runs it all: about two minutes. */
export async function benchEventSource(): Promise<EventSourceResult> {
  const local: TriggerLatencyRow[] = [];
  for (const mode of MODES) for (const path of PATHS) local.push(await benchLocal(mode, path));
  const simulated = await benchSimulated(SIMULATED_RECORDS);
  const costs = await benchCosts();
  const idle = await Promise.all(
    [1, 10, 100, 1_000].map(async (partitions) => ({ partitions, ...(await measureIdleMonth(partitions)) })),
  );
  return { local, simulated, costs, idle };
}

/** All tables. */
export function eventSourceTables({ local, simulated, costs, idle }: EventSourceResult): string {
  const ms = (duration: number, digits: number) => duration.toFixed(digits);
  const latencies = (title: string, rows: readonly TriggerLatencyRow[], digits: number) =>
    formatTable(
      [title, '', 'p50 ms', 'p99 ms', 'max ms'],
      rows.map(({ name, path, latency: { p50Ms, p99Ms, maxMs } }) => [
        name,
        path,
        ...[p50Ms, p99Ms, maxMs].map((one) => ms(one, digits)),
      ]),
    );
  const costRows = costs.map(({ mode, path, recordsPerBatch, usage, dollarsPerMillionRecords }) => [
    `${mode}, ${path}`,
    ...[recordsPerBatch, usage.gets, usage.writeUnits, usage.readUnits].map(String),
    dollarsPerMillionRecords.toPrecision(3),
  ]);
  const idleRows = idle.map(({ partitions, readUnits, dollars }) => [
    String(partitions),
    String(readUnits),
    dollars.toFixed(4),
  ]);
  return [
    latencies('commit to handler, here', local, 1),
    latencies('commit to handler, simulated', simulated, 0),
    formatTable(['a batch', 'records', 'GET', 'write units', 'read units', '$/M records'], costRows),
    formatTable(['idle partitions', 'read units a month', '$ a month'], idleRows),
  ].join('\n\n');
}

if (import.meta.main) {
  const result = await benchEventSource();
  console.log(process.argv.includes('--json') ? JSON.stringify(result, null, 2) : eventSourceTables(result));
}
