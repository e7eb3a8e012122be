/** How the perf commands tell what they measured: lines in the manner of Kafka's perf tools, and what AWS would charge. */
import { requestDollars, type StoreUsage } from '../log/meter.ts';
import type { LatencySummary } from './latency-sample.ts';

/** What was measured. */
export interface PerfResult {
  readonly records: number;
  /** Of keys, values and headers. */
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly latency?: LatencySummary;
  readonly usage: StoreUsage;
}

const MB = 1024 * 1024;

/** `1000 records sent, 998.6 records/sec (0.10 MB/sec)`. */
export function rateText(verb: string, records: number, bytes: number, elapsedMs: number): string {
  const seconds = Math.max(elapsedMs, 0.001) / 1000;
  const perSecond = `${(records / seconds).toFixed(1)} records/sec (${(bytes / MB / seconds).toFixed(2)} MB/sec)`;
  return `${records} records ${verb}, ${perSecond}`;
}

/** `12.3 ms avg latency, 40.0 ms max latency`. */
export function latencyText({ avgMs, maxMs }: Pick<LatencySummary, 'avgMs' | 'maxMs'>): string {
  return `${avgMs.toFixed(1)} ms avg latency, ${maxMs.toFixed(1)} ms max latency`;
}

/** The result for people. */
export function resultText(verb: string, { records, bytes, elapsedMs, latency, usage }: PerfResult): string {
  const lines = [rateText(verb, records, bytes, elapsedMs)];
  if (latency !== undefined && records > 0) {
    const { p50Ms, p95Ms, p99Ms, p999Ms } = latency;
    const shares = [
      [p50Ms, '50th'],
      [p95Ms, '95th'],
      [p99Ms, '99th'],
      [p999Ms, '99.9th'],
    ] as const;
    lines[0] += `, ${latencyText(latency)}, ${shares.map(([ms, name]) => `${ms.toFixed(1)} ms ${name}`).join(', ')}`;
  }
  return [`${lines.join('\n')}.`, usageText(usage, records)].join('\n');
}

function usageText(usage: StoreUsage, records: number): string {
  const { puts, gets, writeUnits, readUnits } = usage;
  const counts = `${puts} PUT, ${gets} GET, ${writeUnits} write units, ${readUnits} read units`;
  const dollars = requestDollars(usage);
  const perMillion = records === 0 ? '' : `, $${((dollars / records) * 1e6).toFixed(4)} per million records`;
  return `Requests: ${counts}; at AWS prices (us-east-1) $${dollars.toFixed(6)}${perMillion}.`;
}

/** The result for programs. */
export function resultFields({ records, bytes, elapsedMs, latency, usage }: PerfResult): object {
  const seconds = Math.max(elapsedMs, 0.001) / 1000;
  return {
    records,
    bytes,
    elapsedMs: Math.round(elapsedMs),
    recordsPerSecond: Math.round((records / seconds) * 10) / 10,
    bytesPerSecond: Math.round(bytes / seconds),
    ...(latency !== undefined && { latency }),
    requests: usage,
    requestDollars: requestDollars(usage),
  };
}
