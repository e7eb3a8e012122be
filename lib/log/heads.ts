/** The port to partition heads. */
import type { SegmentId } from '../segment/segment-id.ts';
import type { Head } from './head.ts';
import type { AdvanceStartArgs, Change, CommitArgs, NoteCleanedArgs, TrimTailArgs } from './head-transitions.ts';
import type { PartitionKey } from './partition-key.ts';

/**
 * What a commit came to. `done` carries what the update changed: `next` behind the group, and the tail with the group at its end.
 * `refused` carries the head that refused it, undefined when the partition does not exist.
 */
export type CommitOutcome =
  | {
      readonly outcome: 'done';
      readonly next: bigint;
      readonly tail: readonly Uint8Array[];
      readonly tailBytes: number;
    }
  | { readonly outcome: 'refused'; readonly item: Head | undefined };

/**
 * Each change is atomic and carries out the transition of the same name in `head-transitions.ts`. A condition that does not hold is an outcome. Errors are as
 * for `ObjectStore`: `UnansweredError` leaves it open whether the change took or will take effect, any other error means that it did not and will
 * not. An implementation never repeats a request by itself.
 */
export interface Heads {
  /** The head, or null. An eventually consistent read costs half and may be some seconds old. */
  read(partition: PartitionKey, options: { readonly consistent: boolean }): Promise<Head | null>;
  /** Heads of several partitions, in the order asked, null where there is none; each as if read by itself. */
  readMany(
    partitions: readonly PartitionKey[],
    options: { readonly consistent: boolean },
  ): Promise<readonly (Head | null)[]>;
  commit(partition: PartitionKey, args: CommitArgs): Promise<CommitOutcome>;
  trimTail(partition: PartitionKey, args: TrimTailArgs): Promise<Change<Head>>;
  raiseFloor(partition: PartitionKey, floor: SegmentId): Promise<Change<Head>>;
  advanceStart(partition: PartitionKey, args: AdvanceStartArgs): Promise<Change<Head>>;
  noteCleaned(partition: PartitionKey, args: NoteCleanedArgs): Promise<Change<Head>>;
  /** Deletes a head; one that is not there is deleted already. Only for topics that are being deleted. */
  remove(partition: PartitionKey): Promise<void>;
}
