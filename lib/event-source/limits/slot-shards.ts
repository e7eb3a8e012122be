/** Slots in one item, at most: such an item stays near 1 KB, one write unit. */
const SLOTS_PER_ITEM = 25;

/** The item in which a partition finds its slots, and how many it has. */
export interface SlotShard {
  readonly shard: number;
  readonly limit: number;
}

/** A limit of more than 25 is shared out over several items as evenly as it can be; partitions take turns among them. All together have exactly `maximumConcurrency`. */
export function slotShard(maximumConcurrency: number, partition: number): SlotShard {
  const shards = Math.ceil(maximumConcurrency / SLOTS_PER_ITEM);
  const shard = partition % shards;
  const rest = maximumConcurrency % shards;
  return { shard, limit: Math.floor(maximumConcurrency / shards) + (shard < rest ? 1 : 0) };
}
