/**
 * The floor of the whole store, under which collection may delete and above which new partitions begin.
 *
 * Key: `G` / `G`. One per store; rises only. Absence means that collection has never run: the floor is `ZERO_ID`.
 */
import { decodeId, encodeId, type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import { binary, type Item, type ItemKey } from './item.ts';

/** Where it is stored. */
export const globalFloorKey: ItemKey = { pk: 'G', sk: 'G' };

/** The stored form. */
export function globalFloorToItem(floor: SegmentId): Item {
  return { floor: encodeId(floor) };
}

/** The floor of a stored item, or of its absence. */
export function globalFloorFromItem(item: Item | undefined): SegmentId {
  return item ? decodeId(binary(item, 'floor')) : ZERO_ID;
}
