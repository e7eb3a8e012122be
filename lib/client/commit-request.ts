/** What callers may ask to be committed, and what that means for the partitions of a consumer. */
import { MillraceError } from '../errors.ts';
import type { GroupOffset } from '../group/group-offset.ts';
import { limits } from '../limits.ts';
import type { Holding } from './consumer-partitions.ts';
import { ReceivedRecord } from './received-record.ts';
import type { ReceivedBatch, TopicPartition } from './record-stream.ts';

/** An offset to commit. */
export interface CommitOffset extends TopicPartition {
  /** The next offset to read: that of the last processed record, and one. */
  readonly offset: bigint;
  /** At most 4,096 bytes of whatever helps whoever reads the offset. Default none. */
  readonly metadata?: string;
}

/** An offset that was committed. */
export interface CommittedOffset {
  /** The next offset to read. */
  readonly offset: bigint;
  /** What was written beside it, empty when nothing was. */
  readonly metadata: string;
}

/** A record or a batch (it and all before it in its partition are processed), or offsets. */
export type CommitRequest =
  | ReceivedRecord<unknown, unknown>
  | ReceivedBatch<unknown, unknown>
  | readonly CommitOffset[];

/** An offset with the claim under which it is committed. */
export interface OffsetToCommit {
  readonly holding: Holding;
  readonly offset: bigint;
  readonly metadata: string;
}

/** The offsets that a request means. `find` throws for a partition whose offsets cannot be committed. Throws INVALID_REQUEST, OFFSET_METADATA_TOO_LARGE. */
export function offsetsToCommit(what: CommitRequest, find: (at: TopicPartition) => Holding): readonly OffsetToCommit[] {
  return listOf(what).map((one) => {
    const { offset, metadata = '' } = one;
    checkOffset(offset);
    checkMetadata(metadata);
    return { holding: find(one), offset, metadata };
  });
}

function listOf(what: CommitRequest): readonly CommitOffset[] {
  if (what instanceof ReceivedRecord) return [{ ...placeOf(what), offset: what.offset + 1n }];
  if (Array.isArray(what)) return what.map(checkPlace);
  const last = (what as ReceivedBatch | null)?.records?.at(-1);
  if (last instanceof ReceivedRecord) return [{ ...placeOf(last), offset: last.offset + 1n }];
  throw new MillraceError('INVALID_REQUEST', 'this cannot be committed', {
    value: what,
    hint: 'Give a record or a batch that the consumer gave out, a list of { topic, partition, offset }, or nothing for all.',
  });
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}

function checkPlace(one: CommitOffset): CommitOffset {
  if (typeof one?.topic === 'string' && Number.isInteger(one.partition)) return one;
  throw new MillraceError('INVALID_REQUEST', 'an offset to commit names no partition', {
    value: one,
    hint: 'Give { topic, partition, offset }.',
  });
}

function checkOffset(offset: unknown): void {
  if (typeof offset === 'bigint' && offset >= 0n && BigInt.asIntN(64, offset) === offset) return;
  throw new MillraceError('INVALID_REQUEST', `${String(offset)} is no offset`, {
    value: offset,
    hint: 'Give a bigint from 0: the offset of the last processed record, and one.',
  });
}

function checkMetadata(metadata: unknown): void {
  if (typeof metadata === 'string' && Buffer.byteLength(metadata) <= limits.offsetMetadataBytes) return;
  throw new MillraceError('OFFSET_METADATA_TOO_LARGE', 'the metadata of an offset is no text of at most 4,096 bytes', {
    value: typeof metadata === 'string' ? metadata.slice(0, 80) : metadata,
    hint: 'Keep it elsewhere, and put its name here.',
  });
}

/** Whether there is anything to commit. */
export function hasMoved({ holding, offset }: OffsetToCommit): boolean {
  return offset !== holding.committed;
}

/** Somebody else has claimed the partition. */
export function fenced(
  { topic, partition }: TopicPartition,
  offset: bigint,
  current: GroupOffset | null,
): MillraceError {
  const now =
    current === null
      ? 'the group was deleted'
      : `it belongs to ${current.owner} since generation ${current.generation}`;
  return new MillraceError(
    'ILLEGAL_GENERATION',
    `offset ${offset} of ${topic}-${partition} was not committed: ${now}`,
    {
      value: { topic, partition, offset, owner: current?.owner ?? null },
      hint: 'Its records come again there. Commit before a partition goes: see onPartitionsRevoked.',
    },
  );
}

/** The partition has gone from this consumer. */
export function notOurs({ topic, partition }: TopicPartition, owner: string | null): MillraceError {
  const now = owner === null ? 'nobody has it now' : `it is assigned to ${owner} now`;
  return new MillraceError('ILLEGAL_GENERATION', `${topic}-${partition} is not this consumer's any more: ${now}`, {
    value: { topic, partition, owner },
    hint: 'Nothing was committed, and its records come again there. Commit before a partition goes: see onPartitionsRevoked.',
  });
}

/** The partition was never this consumer's. */
export function notAssigned({ topic, partition }: TopicPartition): MillraceError {
  return new MillraceError(
    'INVALID_REQUEST',
    `partition ${partition} of topic ${topic} is not assigned to this consumer`,
    {
      value: { topic, partition },
      hint: 'Its group assigns partitions while the loop runs: see assignment and onPartitionsAssigned.',
    },
  );
}
