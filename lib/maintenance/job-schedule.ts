/** When a job is due again: soon while something happens, seldom while nothing does. Pure. */

const MINUTE_MS = 60_000;
/** How long it may take until a change is looked at, while there are changes. */
export const LOOK_MS = 15 * MINUTE_MS;
/** While nothing changes: so that a thousand idle partitions cost a cent a month. */
export const IDLE_LOOK_MS = 6 * 60 * MINUTE_MS;

/** Whether a job is due. A time further ahead than twice the longest pause was stored under a clock that was wrong, and is not waited for: one jump of a clock must not stop maintenance until that time has come. */
export function isDue(dueAtMs: number, nowMs: number): boolean {
  return dueAtMs <= nowMs || dueAtMs > nowMs + 2 * IDLE_LOOK_MS;
}

/**
 * How long until retention is due again: a quarter of the shortest `retention.ms`, at least a minute, at most a quarter of an hour; twice as long after each pass in a row that found nothing changed, up to
 * six hours, but never beyond that quarter.
 */
export function retentionPauseMs(unchangedPasses: number, shortestRetentionMs: bigint | null): number {
  const quarter = shortestRetentionMs === null ? IDLE_LOOK_MS : Number(shortestRetentionMs / 4n);
  const atMost = Math.max(MINUTE_MS, Math.min(IDLE_LOOK_MS, quarter));
  return Math.min(atMost, Math.min(LOOK_MS, atMost) * 2 ** Math.min(unchangedPasses, 10));
}

/** Between two passes of compaction, while there is something to rewrite. */
const COMPACT_MS = 60 * MINUTE_MS;

/** How long until compaction is due again: an hour, six when it had nothing to do, or five minutes when the time could not be trusted yet. */
export function compactionPauseMs({
  isTimeUnknown,
  hasRewritten,
}: {
  readonly isTimeUnknown: boolean;
  readonly hasRewritten: boolean;
}): number {
  if (isTimeUnknown) return 5 * MINUTE_MS;
  return hasRewritten ? COMPACT_MS : IDLE_LOOK_MS;
}

/**
 * How long until key compaction is due again: a quarter of an hour, twice as long after each pass in a row that found nothing changed, up to six hours; six hours when no topic is compacted by key, five minutes when
 * the time could not be trusted yet.
 */
export function cleanPauseMs({
  isTimeUnknown,
  unchangedPasses,
  topics,
}: {
  readonly isTimeUnknown: boolean;
  readonly unchangedPasses: number;
  readonly topics: number;
}): number {
  if (isTimeUnknown) return 5 * MINUTE_MS;
  return topics === 0 ? IDLE_LOOK_MS : retentionPauseMs(unchangedPasses, null);
}

/** How long until compaction looks again whether damage is still there, while nothing else changes. */
export const DAMAGE_LOOK_MS = 24 * 60 * MINUTE_MS;

/** Between two passes of collection. */
export const COLLECT_MS = 6 * 60 * MINUTE_MS;

/** How long until collection is due again: six hours, or five minutes when the time could not be trusted yet. */
export function collectionPauseMs(isTimeUnknown: boolean): number {
  return isTimeUnknown ? 5 * MINUTE_MS : COLLECT_MS;
}
