/**
 * A bell: the item that is changed so that a partition is looked at for a group, although nothing was committed to it.
 *
 * Key: `BELLS` / `<topicId>#<partition>#<group>`, in the table of the log, whose stream carries the heads too. Written whatever there was. Its one attribute, `stamp`, is different each time, so that the change is one. Absence means
 * that it was never rung. `at`, where there is one, is the time for which a wake-up was booked: whoever hears of the bell sees to it that the partition is looked at then.
 */
import { type Item, type ItemKey, integer, text } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';

/** A wish that a partition is looked at for a group although nothing was committed to it: by whoever enables, seeks, or has to stop before the end. */
export interface Bell {
  readonly group: string;
  readonly partition: PartitionKey;
}

/** Partition key of all bells. */
export const BELLS_PK = 'BELLS';

/** A bell as it was rung last. */
export interface RungBell extends Bell {
  /** Different each time. */
  readonly stamp: string;
  /** The time for which it was rung; 0: now. */
  readonly atMs: number;
}

/** The stored form without what the key holds. */
export function bellToItem({ stamp, atMs }: Pick<RungBell, 'stamp' | 'atMs'>): Item {
  return { stamp, ...(atMs > 0 && { at: BigInt(atMs) }) };
}

/** Where a bell is stored. */
export function bellKey({ group, partition }: Bell): ItemKey {
  return { pk: BELLS_PK, sk: `${partition.topicId}#${partition.partition}#${group}` };
}

/** Throws CORRUPT_OBJECT when its attribute is missing. */
export function bellFromItem(sk: string, item: Item): RungBell {
  const [topicId, partition, ...group] = sk.split('#');
  return {
    group: group.join('#'),
    partition: { topicId: topicId!, partition: Number(partition) },
    stamp: text(item, 'stamp'),
    atMs: item.at === undefined ? 0 : Number(integer(item, 'at')),
  };
}
