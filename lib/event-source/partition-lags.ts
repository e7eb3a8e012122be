import type { Head } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { unreadLag } from '../log/unread-since.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { PartitionLag } from './subscription-lag.ts';

/** A partition as it was read. */
export interface ReadPartition {
  readonly partition: PartitionKey;
  readonly head: Head;
  /** Null: nothing was committed. */
  readonly committed: bigint | null;
}

/** Look-ups at once. */
const PARALLEL = 8;

/**
 * How far partitions are behind. Nothing is asked for where the next record to be read is in the tail of the head, one query of half a read unit below it. A partition whose look-up fails is left out: who sweeps has more to do than to
 * count.
 */
export async function lagsOfPartitions(
  deps: Pick<EventSourceDeps, 'store' | 'clock' | 'random'>,
  read: readonly ReadPartition[],
): Promise<readonly PartitionLag[]> {
  const lags: PartitionLag[] = [];
  await inParallel(read, PARALLEL, async ({ partition, head, committed }) => {
    const lag = await unreadLag(deps, partition, head, committed).catch(() => null);
    if (lag !== null) lags.push({ partition: partition.partition, ...lag });
  });
  return lags;
}
