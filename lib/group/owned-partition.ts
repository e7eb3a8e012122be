import type { PartitionKey } from '../log/partition-key.ts';

/** A partition that a member has claimed. */
export interface OwnedPartition {
  /** Name of its topic. */
  readonly topic: string;
  readonly partition: PartitionKey;
  /** Generation of the claim: offset commits carry it. */
  readonly generation: number;
  /** Where the group was when it was claimed; null when nothing was committed. */
  readonly committed: bigint | null;
}
