/** What a releaser remembers of one partition, and where it looks next: pure. */
import type { PartitionKey } from '../log/partition-key.ts';
import { type DueMinute, MINUTE_MS } from './due-minute.ts';
import type { DuePlace } from './due-record.ts';

/** A due minute, and whether it was looked at since it was rung. */
export interface KnownMinute {
  readonly stamp: string;
  readonly looked: boolean;
  /** Rung again after a look: only what came late can be behind that. */
  readonly again: boolean;
}

/** A look at all that is due from a time on. */
export interface DueScan {
  readonly fromMs: number;
  /** Minutes that are looked at by it, with their stamps as they were before it began. */
  readonly minutes: ReadonlyMap<number, string>;
  /** How far it came; null: it begins. */
  readonly after: DuePlace | null;
}

/** What is known of a partition with due minutes. */
export interface DuePartition {
  readonly partition: PartitionKey;
  readonly minutes: ReadonlyMap<number, KnownMinute>;
  /** All that was due before was looked at. */
  readonly lookedMs: number;
  /** Of the first record that waits in a minute that was looked at; null: nothing. */
  readonly nextMs: number | null;
  /** After a failure. */
  readonly notBeforeMs: number;
  /** One that was too long for once. */
  readonly scan: DueScan | null;
}

/** A request to store a record takes less, mostly: where a minute is rung again, what was due so long before the last look is not looked at again. What comes later still is found when the minute is over. */
export const LATE_PUT_MS = 2_000;

/** Before a partition is looked at again for which something failed. */
export const SCAN_AGAIN_MS = 1_000;

/** Takes in what is listed: minutes that are not there any more are forgotten. */
export function withMinutes(
  before: DuePartition | undefined,
  partition: PartitionKey,
  listed: readonly DueMinute[],
): DuePartition {
  const minutes = new Map<number, KnownMinute>();
  for (const { minuteMs, stamp } of listed) {
    const known = before?.minutes.get(minuteMs);
    const isSame = known?.stamp === stamp;
    minutes.set(
      minuteMs,
      isSame ? known : { stamp, looked: false, again: known?.looked === true || known?.again === true },
    );
  }
  return {
    partition,
    minutes,
    lookedMs: before?.lookedMs ?? 0,
    nextMs: before?.nextMs ?? null,
    notBeforeMs: before?.notBeforeMs ?? 0,
    scan: before?.scan ?? null,
  };
}

/** The look that is due now, or null. */
export function planScan(known: DuePartition, nowMs: number): DueScan | null {
  const { minutes, lookedMs, nextMs, notBeforeMs, scan } = known;
  // A clock that was ahead when that was said is not waited for.
  if (nowMs < notBeforeMs && nowMs >= notBeforeMs - SCAN_AGAIN_MS) return null;
  if (scan !== null) return scan;
  const begun = [...minutes].filter(([minuteMs]) => minuteMs <= nowMs);
  const isOver = (minuteMs: number) => minuteMs + MINUTE_MS <= nowMs;
  const froms = begun.flatMap(([minuteMs, { looked, again }]) => {
    if (isOver(minuteMs)) return [minuteMs];
    if (looked) return [];
    return [again ? Math.max(minuteMs, Math.min(lookedMs, nowMs) - LATE_PUT_MS) : minuteMs];
  });
  // From the last look on: what was stored since may be due before it, and its ring may be on its way.
  if (nextMs !== null && nextMs <= nowMs) froms.push(Math.min(nextMs, lookedMs));
  if (froms.length === 0) return null;
  return {
    fromMs: Math.min(...froms),
    minutes: new Map(begun.map(([minuteMs, { stamp }]) => [minuteMs, stamp])),
    after: null,
  };
}

/** When `planScan` has something to say next; Infinity: not as long as nothing is rung. */
export function nextScanMs({ minutes, nextMs, notBeforeMs, scan }: DuePartition): number {
  const times = [...minutes].map(([minuteMs, { looked }]) => (looked ? minuteMs + MINUTE_MS : minuteMs));
  if (nextMs !== null) times.push(nextMs);
  if (scan !== null) times.push(0);
  return Math.max(notBeforeMs, Math.min(...times));
}

/** A look at all that was due before `endMs` has come to its end; `nextMs` is what waits next in the minute that runs. */
export function scanned(
  known: DuePartition,
  scan: DueScan,
  { endMs, nextMs }: { readonly endMs: number; readonly nextMs: number | null },
): DuePartition {
  const minutes = new Map(known.minutes);
  for (const [minuteMs, stamp] of scan.minutes) {
    const minute = minutes.get(minuteMs);
    // By a clock that was wrong a minute had begun that has not.
    if (minute?.stamp === stamp && minuteMs < endMs) minutes.set(minuteMs, { stamp, looked: true, again: false });
  }
  return { ...known, minutes, lookedMs: endMs, nextMs, notBeforeMs: 0, scan: null };
}

/** Minutes that were removed under the stamps of a look are not waited for any more. */
export function withoutMinutes(
  known: DuePartition,
  { minutes: seen }: DueScan,
  removed: Iterable<number>,
): DuePartition {
  const minutes = new Map(known.minutes);
  for (const minuteMs of removed) if (minutes.get(minuteMs)?.stamp === seen.get(minuteMs)) minutes.delete(minuteMs);
  return { ...known, minutes };
}
