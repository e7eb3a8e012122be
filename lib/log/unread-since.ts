import type { Clock, Random } from '../clock.ts';
import type { Head } from './head.ts';
import { locateEntries } from './locate.ts';
import type { LogStore } from './log-store.ts';
import type { PartitionKey } from './partition-key.ts';
import { repeatRequest } from './repeat-request.ts';

/** What the look-up needs. */
export interface UnreadSinceDeps {
  readonly store: Pick<LogStore, 'chunks'>;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The timestamp by which lag in time is counted for a reader at `offset`: the largest of the entry that holds the record there, so of the batches that were committed with it. No object is
 * read: nothing for an offset in the tail, one query below it. Null when there is nothing to read, or when the index moved meanwhile.
 */
export async function unreadSinceMs(
  deps: UnreadSinceDeps,
  partition: PartitionKey,
  head: Head,
  offset: bigint,
): Promise<bigint | null> {
  const from = offset < head.start ? head.start : offset;
  if (from >= head.next) return null;
  const query = { offset: from, maxBytes: 1, consistent: false };
  const { answer } = await repeatRequest(deps, () => locateEntries(deps.store.chunks, partition, head, query));
  return answer?.[0]?.entry.maxTimestampMs ?? null;
}

/** How far a reader is behind in a partition. */
export interface UnreadLag {
  /** Records from where it would go on up to the end. */
  readonly lag: bigint;
  /** How long the oldest of them has been there, by the clock of who asks; 0 when there are none, null when it could not be told. It may be younger by as much as its neighbours in one commit differ. */
  readonly lagMs: number | null;
}

/** How far a reader is behind that has committed an offset, or none (null): the lag in time by `unreadSinceMs`, at its price. */
export async function unreadLag(
  deps: UnreadSinceDeps,
  partition: PartitionKey,
  head: Head,
  committed: bigint | null,
): Promise<UnreadLag> {
  const from = committed === null || committed < head.start ? head.start : committed;
  if (head.next <= from) return { lag: 0n, lagMs: 0 };
  const sinceMs = await unreadSinceMs(deps, partition, head, from);
  const lagMs = sinceMs === null ? null : Math.max(0, Math.floor(deps.clock.nowMs()) - Number(sinceMs));
  return { lag: head.next - from, lagMs };
}
