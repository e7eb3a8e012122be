/**
 * The horizon of a partition's delayed records: what was due before it is forgotten, and is not released any more, whatever is found.
 *
 * Key: `D#<topicId>#<partition>` / `HORIZON`. It rises before the traces below it are removed (floor before forgetting), so that a copy of a request that comes after them brings nothing back. Absence: nothing was ever forgotten.
 *
 * | attribute | kind | |
 * |---|---|---|
 * | before | integer | ms since the epoch |
 */
import { type Item, type ItemKey, integer } from '../log/item.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { duePk } from './due-record.ts';

/** Above the sort keys of all delayed records, which begin with a digit. */
export const HORIZON_SK = 'HORIZON';

/** Where the horizon of a partition is stored. */
export function horizonKey(partition: PartitionKey): ItemKey {
  return { pk: duePk(partition), sk: HORIZON_SK };
}

/** The stored form. */
export function horizonToItem(beforeMs: number): Item {
  return { before: BigInt(beforeMs) };
}

/** 0 where there is none. Throws CORRUPT_OBJECT when its attribute is missing. */
export function horizonFromItem(item: Item | undefined): number {
  return item === undefined ? 0 : Number(integer(item, 'before'));
}
