/** How far a subscription is behind, over all of its partitions: a pure summary. */

import type { UnreadLag } from '../log/unread-since.ts';

/** How far one partition is behind. */
export interface PartitionLag extends UnreadLag {
  readonly partition: number;
}

/** How far all of them are. */
export interface SubscriptionLag {
  /** The sum. */
  readonly records: bigint;
  /** Of the partition with the most. */
  readonly maxRecords: bigint;
  /** How long the oldest record that was not handled has been there; 0 when there are none, null when it could not be told of any partition that is behind. */
  readonly maxMs: number | null;
  /** The partition that is furthest behind in time, or in records where times are not known; null: none is behind. */
  readonly furthest: number | null;
}

/** See the top of this file. */
export function summarizeLag(partitions: readonly PartitionLag[]): SubscriptionLag {
  const behind = partitions.filter(({ lag }) => lag > 0n);
  const furthest = behind.reduce<PartitionLag | null>(
    (best, one) => (best === null || isFurther(one, best) ? one : best),
    null,
  );
  return {
    records: behind.reduce((sum, { lag }) => sum + lag, 0n),
    maxRecords: behind.reduce((most, { lag }) => (lag > most ? lag : most), 0n),
    maxMs: furthest === null ? 0 : furthest.lagMs,
    furthest: furthest?.partition ?? null,
  };
}

function isFurther(one: PartitionLag, other: PartitionLag): boolean {
  const [ms, otherMs] = [one.lagMs ?? -1, other.lagMs ?? -1];
  return ms === otherMs ? one.lag > other.lag : ms > otherMs;
}
