/**
 * The gateway beside Apache Kafka, under Kafka's own tools: `node bench/gateway.bench.ts [--json] [--turns 5] [--minutes 60] [--only produce,consume,paced,replay,fetch]`. Needs a JDK and Maven, and Linux for what processes have used.
 *
 * Both servers run all the time, and are asked in turns; a figure is the median of a side's turns. Kafka is warm: it has taken more than two million records before the first turn. Neither side waits for the disk (`gateway/perf-server.ts`).
 */
import { parseArgs } from 'node:util';
import { formatTable } from './format-table.ts';
import { type PerfServer, startKafka, startOurs } from './gateway/perf-server.ts';
import { readUsage } from './gateway/process-usage.ts';
import { type Measured, preload, type Workload, workloads } from './gateway/workloads.ts';

const TURNS = 5;
const MINUTES = 60;
const GB = 1e9;

/** The medians of one side. */
export interface SideOfRow {
  /** Records or bytes a second; milliseconds for latencies. */
  readonly value: number;
  /** Of the server, for each GB of records; null where too few bytes went by. */
  readonly cpuSecondsPerGb: number | null;
}

/** One workload. */
export interface GatewayRow {
  readonly name: string;
  readonly unit: string;
  readonly kafka: SideOfRow;
  readonly ours: SideOfRow;
  /** Ours divided by Kafka's; the medians of the ratios of single turns are as good. */
  readonly ratio: number;
  readonly cpuRatio: number | null;
}

/** All that was measured. */
export interface GatewayResult {
  readonly turns: number;
  readonly rows: readonly GatewayRow[];
  readonly peakMiB: { readonly kafka: number; readonly ours: number };
}

interface Turn extends Measured {
  readonly cpuSeconds: number;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

async function runTurn(workload: Workload, server: PerfServer, turn: number): Promise<Turn> {
  const before = readUsage(server.pid);
  const measured = await workload.run(server.port, turn);
  return { ...measured, cpuSeconds: readUsage(server.pid).cpuSeconds - before.cpuSeconds };
}

function sideOf(turns: readonly Turn[], figure: number): SideOfRow {
  const hasBytes = turns.every(({ bytes }) => bytes > 0);
  return {
    value: median(turns.map(({ figures }) => figures[figure]!)),
    cpuSecondsPerGb: hasBytes ? median(turns.map(({ cpuSeconds, bytes }) => (cpuSeconds * GB) / bytes)) : null,
  };
}

function rowsOf(workload: Workload, theirs: readonly Turn[], own: readonly Turn[]): readonly GatewayRow[] {
  return workload.figures.map(({ name, unit }, figure) => {
    const [kafka, ours] = [sideOf(theirs, figure), sideOf(own, figure)];
    const hasCpu = kafka.cpuSecondsPerGb !== null && ours.cpuSecondsPerGb !== null;
    const cpuRatio = hasCpu ? ours.cpuSecondsPerGb / kafka.cpuSecondsPerGb : null;
    return { name, unit, kafka, ours, ratio: ours.value / kafka.value, cpuRatio };
  });
}

/** How much is measured. */
export interface GatewayBenchOptions {
  readonly turns: number;
  /** No turn is begun that would probably end later. */
  readonly minutes: number;
  /** Of workloads; none: all. */
  readonly kinds: readonly string[];
}

/** Runs workloads in turns. */
export async function benchGateway({ turns, minutes, kinds }: GatewayBenchOptions): Promise<GatewayResult> {
  const endMs = performance.now() + minutes * 60_000;
  const chosen = workloads.filter(({ kind }) => kinds.length === 0 || kinds.includes(kind));
  if (chosen.length === 0) throw new TypeError(`there is no workload of the kinds ${kinds.join(', ')}`);
  const servers: PerfServer[] = [];
  try {
    servers.push(await startKafka(), await startOurs());
    for (const { port, name } of servers) {
      console.error(`warming ${name}`);
      await preload(port);
    }
    const turnsOf = new Map(chosen.map((workload) => [workload, servers.map(() => [] as Turn[])]));
    let [turn, turnMs] = [0, 0];
    for (; turn < turns && performance.now() + turnMs < endMs; turn++) {
      const startMs = performance.now();
      for (const [workload, sides] of turnsOf) {
        const order = turn % 2 === 0 ? [0, 1] : [1, 0];
        for (const side of order) sides[side]!.push(await runTurn(workload, servers[side]!, turn));
        console.error(`turn ${turn + 1} of ${turns}: ${workload.figures[0]!.name}`);
      }
      turnMs = performance.now() - startMs;
    }
    if (turn === 0) throw new TypeError(`${minutes} minutes are too short, or there are no turns`);
    const rows = [...turnsOf].flatMap(([workload, [kafka, ours]]) => rowsOf(workload, kafka!, ours!));
    const [kafka, ours] = servers.map(({ pid }) => readUsage(pid).peakBytes / 2 ** 20);
    return { turns: turn, rows, peakMiB: { kafka: kafka!, ours: ours! } };
  } finally {
    for (const server of servers) await server.stop();
  }
}

const ratioText = (ratio: number | null) => (ratio === null || Number.isNaN(ratio) ? '' : ratio.toFixed(2));
const cpuText = ({ cpuSecondsPerGb }: SideOfRow) => cpuSecondsPerGb?.toFixed(2) ?? '';

/** Figures by their size: 523 k, 1.7 M, 3 ms. */
function valueText(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${Math.round(value / 1000)} k`;
  return value.toFixed(value < 100 ? 1 : 0);
}

/** As it is printed. */
export function gatewayTable({ rows, peakMiB, turns }: GatewayResult): string {
  const head = ['', 'unit', 'Kafka', 'gateway', 'ratio', 'Kafka, CPU s/GB', 'gateway', 'ratio'];
  const cells = rows.map(({ name, unit, kafka, ours, ratio, cpuRatio }) => [
    name,
    unit,
    valueText(kafka.value),
    valueText(ours.value),
    ratioText(ratio),
    cpuText(kafka),
    cpuText(ours),
    ratioText(cpuRatio),
  ]);
  const peaks = `peak memory: Kafka ${Math.round(peakMiB.kafka)} MiB, gateway ${Math.round(peakMiB.ours)} MiB`;
  return `${formatTable(head, cells)}\n\n${peaks}; medians of ${turns} turns`;
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise);
  if (!(value > 0)) throw new TypeError(`--${name} is a number above 0, not ${text}`);
  return value;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      turns: { type: 'string' },
      minutes: { type: 'string' },
      only: { type: 'string' },
    },
  });
  // What was started ends with this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const result = await benchGateway({
    turns: numberOf('turns', values.turns, TURNS),
    minutes: numberOf('minutes', values.minutes, MINUTES),
    kinds: values.only?.split(',') ?? [],
  });
  console.log(values.json ? JSON.stringify(result, null, 2) : gatewayTable(result));
}
