/**
 * When the next records may be given to a function that is given so many a second at most.
 *
 * Key: `G#<group>` / `RATE#<records a second>`, of the group of the subscription itself, whose retry topics share it; another rate is another item. Absence: nothing was given yet.
 *
 * | attribute | kind | |
 * |---|---|---|
 * | next | integer | microseconds since 1970: all that was reserved is given at this rate by then |
 *
 * Always true: `next` never goes back. It is the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371), with places reserved ahead.
 */
import { groupPk } from '../../group/group.ts';
import { type Item, type ItemKey, integer } from '../../log/item.ts';

/** See the top of this file. */
export interface RecordRate {
  readonly nextUs: number;
}

/** Sort keys of all rates of a group. */
export const RATE_SKS = { fromSk: 'RATE#', toSk: 'RATE$' } as const;

/** Where a rate is stored. */
export function rateKey(group: string, recordsPerSecond: number): ItemKey {
  return { pk: groupPk(group), sk: `RATE#${recordsPerSecond}` };
}

/** The stored form without the key. */
export function rateToItem({ nextUs }: RecordRate): Item {
  return { next: BigInt(nextUs) };
}

/** Throws CORRUPT_OBJECT when its attribute is missing. */
export function rateFromItem(item: Item): RecordRate {
  return { nextUs: Number(integer(item, 'next')) };
}
