/** How a rate is kept: pure decisions. */

/** A burst is what a second brings, and one record at least. */
const BURST_SECONDS = 1;
/** What has its time is given so much later at most; behind that it needs a new one, or what is late would come together with what is in time. */
export const LATE_MS = 1_000;

/** Records that were reserved. */
export interface Reservation {
  readonly records: number;
  /** Not before this, milliseconds since 1970. */
  readonly atMs: number;
  /** Records a second. */
  readonly rate: number;
}

/** Most records at once; without a limit there is none. */
export function burstRecords(recordsPerSecond: number): number {
  if (recordsPerSecond === 0) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor(recordsPerSecond * BURST_SECONDS));
}

/** What records take at a rate, microseconds; rounded up, so that the rate is never more. */
export function costUs(recordsPerSecond: number, records: number): number {
  return Math.ceil((records * 1_000_000) / recordsPerSecond);
}

/** What was reserved at `nowMs`, when the time of all reservations ended at `nextUs` with it. */
export function reservationOf(records: number, rate: number, at: { nowMs: number; nextUs: number }): Reservation {
  const burstUs = Math.max(BURST_SECONDS * 1_000_000, costUs(rate, 1));
  return { records, atMs: Math.max(at.nowMs, Math.ceil((at.nextUs - burstUs) / 1_000)), rate };
}

/** wait: it is too early. use: now. gone: it is too late, or another rate. */
export function stateOf(
  { atMs, rate }: Reservation,
  { nowMs, recordsPerSecond }: { readonly nowMs: number; readonly recordsPerSecond: number },
): 'wait' | 'use' | 'gone' {
  if (rate !== recordsPerSecond || nowMs > atMs + LATE_MS) return 'gone';
  return nowMs < atMs ? 'wait' : 'use';
}
