/**
 * A million records of 100 B through producer, store and consumer, beside the codec alone and beside a plain file: `node bench/throughput.bench.ts [--json]`.
 *
 * Each figure is the best of two processes with three passes each, since whatever else the machine does can only slow one down; the parts take turns, so that a slow minute meets all of them.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { formatTable } from './format-table.ts';
import { type PartResult, parts, RECORDS, VALUE_BYTES } from './throughput-part.ts';

const ROUNDS = 2;
const CODEC = 'codec';
const PLAIN = 'plain file';
const script = fileURLToPath(new URL('./throughput-part.ts', import.meta.url));

/** One part, and how it compares. */
export interface ThroughputRow extends PartResult {
  readonly name: string;
  /** Of writing and reading one after the other; null for the plain file, which is not read. */
  readonly recordsPerSecond: number | null;
  /** What codec alone takes, divided by what this takes. */
  readonly shareOfCodec: number | null;
  /** What writing a plain file takes, divided by what writing takes here; for parts on the disk. */
  readonly shareOfPlainFile: number | null;
}

function runPart(name: string): PartResult {
  const run = spawnSync(process.execPath, [script, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new TypeError(`${name} ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout) as PartResult;
}

function best(results: readonly PartResult[]): PartResult {
  const least = (pick: (result: PartResult) => number) => Math.min(...results.map(pick));
  return {
    writeSeconds: least(({ writeSeconds }) => writeSeconds),
    readSeconds: least(({ readSeconds }) => readSeconds),
    peakMiB: Math.max(...results.map(({ peakMiB }) => peakMiB)),
  };
}

/** Runs all parts in turns. */
export function benchThroughput(): readonly ThroughputRow[] {
  const results = new Map(Object.keys(parts).map((name) => [name, [] as PartResult[]]));
  for (let round = 0; round < ROUNDS; round++) for (const [name, some] of results) some.push(runPart(name));
  const bests = new Map([...results].map(([name, some]) => [name, best(some)]));
  const [codec, plain] = [bests.get(CODEC)!, bests.get(PLAIN)!];
  return [...bests].map(([name, part]) => {
    const seconds = part.writeSeconds + part.readSeconds;
    const isPlain = name === PLAIN;
    return {
      name,
      ...part,
      recordsPerSecond: isPlain ? null : RECORDS / seconds,
      shareOfCodec: isPlain ? null : (codec.writeSeconds + codec.readSeconds) / seconds,
      shareOfPlainFile: isPlain || name.startsWith('file') ? plain.writeSeconds / part.writeSeconds : null,
    };
  });
}

const thousands = (perSecond: number) => `${Math.round(perSecond / 1000)} k/s`;
const percent = (share: number | null) => (share === null ? '' : `${Math.round(share * 100)} %`);

/** The rows as a table. */
export function throughputTable(rows: readonly ThroughputRow[]): string {
  const head = [`${RECORDS} records of ${VALUE_BYTES} B`, 'write', 'read', 'both', 'of the codec', 'of a file', 'peak'];
  const cells = rows.map((row) => [
    row.name,
    thousands(RECORDS / row.writeSeconds),
    row.readSeconds === 0 ? '' : thousands(RECORDS / row.readSeconds),
    row.recordsPerSecond === null ? '' : thousands(row.recordsPerSecond),
    percent(row.shareOfCodec),
    percent(row.shareOfPlainFile),
    `+${Math.round(row.peakMiB)} MiB`,
  ]);
  return formatTable(head, cells);
}

if (import.meta.main) {
  const rows = benchThroughput();
  console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : throughputTable(rows));
}
