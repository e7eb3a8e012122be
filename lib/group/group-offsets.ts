/** The port to the committed offsets of groups. */
import type { Change } from '../log/head-transitions.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { GroupOffset } from './group-offset.ts';
import type { ClaimArgs, OffsetCommitArgs } from './group-transitions.ts';

/** Each change is atomic and carries out the transition of the same name in `group-transitions.ts`. All reads are consistent. Errors are as for `Heads`. */
export interface GroupOffsets {
  claim(group: string, partition: PartitionKey, args: ClaimArgs): Promise<Change<GroupOffset>>;
  commit(group: string, partition: PartitionKey, args: OffsetCommitArgs): Promise<Change<GroupOffset>>;
  /** In the order asked, null where there is none. */
  readMany(group: string, partitions: readonly PartitionKey[]): Promise<readonly (GroupOffset | null)[]>;
  /** By topic id and partition, above `after`, at most `limit`; a store may return fewer, never none while there are some. */
  list(group: string, after: PartitionKey | null, limit: number): Promise<readonly GroupOffset[]>;
  /** Only for groups that are being deleted. One that is not there is removed already. */
  remove(group: string, partition: PartitionKey): Promise<void>;
}
