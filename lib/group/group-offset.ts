/**
 * How far a group is in a partition, and who may say so.
 *
 * Key: `G#<group>` / `O#<topicId>#<partition, 10 digits>`. Made by the first claim. Changed only by the transitions in `offset-transitions.ts`. Absence means that nobody has read
 * the partition for the group; the group then begins at the log start offset.
 *
 * Always true: `generation` never goes back; while it stays, `sequence` only rises, so a late commit never undoes a newer one. `committed` may go back: that is a seek.
 */
import { type Item, type ItemKey, integer, text } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { groupPk } from './group.ts';

/** See the module comment. */
export interface GroupOffset {
  /** Name of the topic, for people. */
  readonly topic: string;
  readonly partition: PartitionKey;
  /** Generation of the claim. Only its owner commits. */
  readonly generation: number;
  /** Number of the last offset commit under this generation, 0 for none. */
  readonly sequence: number;
  /** Who claimed it: a member id, or what an administrator's tool calls itself. */
  readonly owner: string;
  /** The next offset to read; null when nothing was committed. */
  readonly committed: bigint | null;
  /** Whatever the committer wrote beside it. */
  readonly metadata: string;
  /** When that was, by the committer's clock, milliseconds since 1970; 0 for never. For people only. */
  readonly committedAtMs: number;
}

const PREFIX = 'O#';
const DIGITS = 10;
/** Below and above all sort keys of offsets. */
export const OFFSET_SKS = { from: PREFIX, to: 'O$' } as const;

/** Sort key of the offset of a partition. */
export function offsetSk({ topicId, partition }: PartitionKey): string {
  return `${PREFIX}${topicId}#${partition.toString().padStart(DIGITS, '0')}`;
}

/** Where the offset of a partition is stored. */
export function offsetKey(group: string, partition: PartitionKey): ItemKey {
  return { pk: groupPk(group), sk: offsetSk(partition) };
}

/** The partition in the sort key of an offset. */
export function offsetPartition(sk: string): PartitionKey {
  const mark = sk.lastIndexOf('#');
  return { topicId: sk.slice(PREFIX.length, mark), partition: Number(sk.slice(mark + 1)) };
}

/** The stored form without the partition, which the key holds. */
export function offsetToItem(offset: GroupOffset): Item {
  return {
    topic: offset.topic,
    generation: BigInt(offset.generation),
    seq: BigInt(offset.sequence),
    owner: offset.owner,
    ...(offset.committed !== null && { committed: offset.committed }),
    metadata: offset.metadata,
    at: BigInt(offset.committedAtMs),
  };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function offsetFromItem(sk: string, item: Item): GroupOffset {
  return {
    topic: text(item, 'topic'),
    partition: offsetPartition(sk),
    generation: Number(integer(item, 'generation')),
    sequence: Number(integer(item, 'seq')),
    owner: text(item, 'owner'),
    committed: item.committed === undefined ? null : integer(item, 'committed'),
    metadata: text(item, 'metadata'),
    committedAtMs: Number(integer(item, 'at')),
  };
}
