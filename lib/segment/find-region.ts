import type { SegmentIndex } from './decode-segment.ts';
import type { Region, StampedRegion } from './region.ts';

/** Which region: of level 1 that of the chunk which begins at `baseOffset`. */
export interface RegionPlace {
  readonly topicId: string;
  readonly partition: number;
  readonly baseOffset: bigint;
}

/** The region of a partition in a segment, or at level 1 of a chunk; undefined when there is none. Takes time with the logarithm of their number. */
export function findRegion({ regions }: SegmentIndex, place: RegionPlace): Region | StampedRegion | undefined {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(regions[middle]!, place)) low = middle + 1;
    else high = middle;
  }
  const found = regions[low];
  return found !== undefined && isAt(found, place) ? found : undefined;
}

function isBelow(region: Region | StampedRegion, { topicId, partition, baseOffset }: RegionPlace): boolean {
  if (region.topicId !== topicId) return region.topicId < topicId;
  if (region.partition !== partition) return region.partition < partition;
  return 'baseOffset' in region && region.baseOffset < baseOffset;
}

function isAt(region: Region | StampedRegion, { topicId, partition, baseOffset }: RegionPlace): boolean {
  const isSame = region.topicId === topicId && region.partition === partition;
  return isSame && (!('baseOffset' in region) || region.baseOffset === baseOffset);
}
