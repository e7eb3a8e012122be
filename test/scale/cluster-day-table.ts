/** What a simulated day of a cluster comes to, as a table of docs/scale.md. */
import type { ClusterDay, ClusterOptions } from './cluster-day.ts';

/** The cluster of the document. */
export const LARGE_CLUSTER: ClusterOptions = {
  partitions: 10_000,
  writers: 2_000,
  flushesPerHour: 6,
  partitionsPerFlush: 8,
  batchBytes: 200,
  hours: 24,
  retentionHours: 6,
};

const number = (value: number) => value.toLocaleString('en-US');
const dollars = (value: number) => `$${value.toFixed(2)}`;

/** The table. */
export function clusterDayTable({ maintenance, writers, ...day }: ClusterDay): string {
  const rows = [
    ['flushes, a PUT each', number(day.flushes)],
    ['commits', number(day.commits)],
    ['write units of the writers, rolls in them', number(writers.writeUnits)],
    ['read units of the writers', number(writers.readUnits)],
    ['requests of maintenance: GET, LIST', `${number(maintenance.gets)}, ${number(maintenance.lists)}`],
    ['write units, read units of maintenance', `${number(maintenance.writeUnits)}, ${number(maintenance.readUnits)}`],
    ['dollars of the writers, of maintenance', `${dollars(day.dollars.writers)}, ${dollars(day.dollars.maintenance)}`],
    ['objects in the end', `${number(day.objects)}, ${number(Math.round(day.objectBytes / 1e6))} MB`],
    ['heads, bytes: median, largest', `${number(day.heads[0])}, ${number(day.heads[1])}`],
    ['chunks in the end', number(day.chunks)],
    ['chunks, bytes: median, largest', `${number(day.chunkItems[0])}, ${number(day.chunkItems[1])}`],
  ];
  return `| | |\n|---|---:|\n${rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}`;
}
