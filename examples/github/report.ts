/** What the run prints at its end. */
import Table from 'cli-table3';
import { requestDollars, type StoreUsage } from '../../lib/log/meter.ts';
import type { FunctionCounters } from './functions-job.ts';

const number = new Intl.NumberFormat('en-US');
/** `1,234`. */
export const grouped = (value: number | bigint): string => number.format(value);

/** `12.3 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function dollars(value: number): string {
  return `$${value.toFixed(value < 0.1 ? 5 : 2)}`;
}

const plain = { style: { head: [], border: [], compact: true } };

/** Events by type, most frequent first, in three columns. */
export function eventTable(counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts).sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
  const height = Math.ceil(rows.length / 3);
  const table = new Table({
    ...plain,
    head: ['event', 'count', 'event', 'count', 'event', 'count'],
    colAligns: ['left', 'right', 'left', 'right', 'left', 'right'],
  });
  for (let row = 0; row < height; row++) {
    const cells = [0, 1, 2].flatMap((column) => {
      const [event, count] = rows[row + column * height] ?? ['', null];
      return [event, count === null ? '' : grouped(count)];
    });
    table.push(cells);
  }
  return table.toString();
}

/** What functions were called for. */
export function functionTable(all: readonly FunctionCounters[]): string {
  const table = new Table({
    ...plain,
    head: [
      'function of',
      'mode',
      'records',
      'calls',
      'failed',
      'largest batch',
      'age when called',
      'dead letters',
      'sent back',
    ],
    colAligns: ['left', 'left', ...Array(7).fill('right')],
  });
  for (const { name, mode, records, calls, failures, largestBatch, agesMs, givenUp, sentBack } of all) {
    const counts = [records, calls, failures, largestBatch].map(grouped);
    table.push([name, mode, ...counts, ageText(agesMs), grouped(givenUp), grouped(sentBack)]);
  }
  return table.toString();
}

/** Half of them are at most so old. */
function ageText(agesMs: readonly number[]): string {
  const median = agesMs.toSorted((left, right) => left - right)[Math.floor(agesMs.length / 2)];
  return median === undefined ? '' : `${Math.round(median)} ms`;
}

export interface PartitionRow {
  readonly partition: number;
  readonly logStartOffset: bigint;
  readonly highWatermark: bigint;
  readonly countsPosition: bigint;
  readonly auditPosition: bigint;
}

/** Where each partition and each reader stands. */
export function partitionTable(rows: readonly PartitionRow[]): string {
  const table = new Table({
    ...plain,
    head: ['partition', 'log start', 'high watermark', 'counts at', 'lag', 'audit at', 'lag'],
    colAligns: Array(7).fill('right'),
  });
  for (const row of rows) {
    const { partition, logStartOffset, highWatermark, countsPosition, auditPosition } = row;
    const offsets = [logStartOffset, highWatermark, countsPosition, highWatermark - countsPosition, auditPosition];
    table.push([partition.toString(), ...[...offsets, highWatermark - auditPosition].map(grouped)]);
  }
  return table.toString();
}

/** What this run asked of the stores, and what AWS would charge for it. */
export function usageTable(usage: StoreUsage, records: number): string {
  const total = requestDollars(usage);
  const table = new Table({
    ...plain,
    head: ['asked of the stores', 'requests', 'units', 'bytes'],
    colAligns: ['left', 'right', 'right', 'right'],
  });
  table.push(
    ['segment PUT', grouped(usage.puts), '', megabytes(usage.putBytes)],
    ['segment GET', grouped(usage.gets), '', megabytes(usage.getBytes)],
    ['item writes', grouped(usage.writeRequests), `${grouped(usage.writeUnits)} write units`, ''],
    ['item reads', grouped(usage.readRequests), `${grouped(usage.readUnits)} read units`, ''],
  );
  const perMillion = records > 0 ? ` — ${dollars((total / records) * 1e6)} per million records produced` : '';
  return `${table.toString()}\nAt AWS prices (us-east-1) these requests cost ${dollars(total)}${perMillion}.`;
}
