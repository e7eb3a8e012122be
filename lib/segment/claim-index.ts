/**
 * Whose the regions of an object are. A fork of a topic has copies of the other's objects of level 1, byte for byte, so their index names the topic that they were compacted for. The key says whose a copy is: it stands in the
 * domain of one topic alone, where only that topic has anything. Partitions and offsets of a fork are those of its source, so all else in the index holds for both.
 */
import type { SegmentIndex } from './decode-segment.ts';
import { ownerOfDomain } from './domain.ts';

/** Whether an object in this domain was copied from another topic. */
export function isCopied({ level, regions }: SegmentIndex, domain: string): boolean {
  const owner = ownerOfDomain(domain);
  return level === 1 && owner !== null && regions.some(({ topicId }) => topicId !== owner);
}

/** An index as it is to be read for an object in this domain: of a copy, all regions are those of the topic that has it. */
export function claimIndex(index: SegmentIndex, domain: string): SegmentIndex {
  const owner = ownerOfDomain(domain);
  if (owner === null || index.level === 0 || !isCopied(index, domain)) return index;
  // They are all of one topic, so their order stays.
  return { ...index, regions: index.regions.map((region) => ({ ...region, topicId: owner })) };
}
