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
