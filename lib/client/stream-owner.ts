import type { MillraceError } from '../errors.ts';
import type { AssignedPartition } from './assigned-partition.ts';

/** What the owner of a stream has a say in. All of it is optional. */
export interface StreamOwner {
  /** An item was given out: of this partition, from this offset on. */
  onTaken?(partition: AssignedPartition, offset: bigint): void;
  /** Nobody works on what was given out any more: `asked` for the next item, so it is done; or the loop was left, and nobody knows. */
  onReturned?(how: 'asked' | 'left'): void;
  /** What has to be done before the next item is given out; null, as almost always: nothing. */
  gate?(): Promise<void> | null;
  /** Whether the owner deals with an error of a partition, so that the loop need not throw it. */
  onPartitionError?(partition: AssignedPartition, error: MillraceError): boolean;
  /** Throws when there is no sense in waiting for a record. */
  checkReadable?(): void;
  /** Whether a stream that stops at the end may do so, all its partitions being there. */
  mayEnd?(): boolean;
}
