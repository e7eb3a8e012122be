import { describe, expect, it } from 'vitest';
import { decodeSegment } from '../../lib/segment/decode-segment.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { findRegion } from '../../lib/segment/find-region.ts';
import { segmentOf, stampedBatches, TOPIC_A, TOPIC_B } from './sample-segment.ts';

const at = (topicId: string, partition: number, firstOffset: bigint) => ({
  topicId,
  partition,
  batches: stampedBatches([{ recordCount: 3 }], firstOffset),
});

describe('a region in an index', () => {
  it('is found at level 0 by its partition, whatever its offset', () => {
    const places = [at(TOPIC_A, 1, 0n), at(TOPIC_A, 7, 0n), at(TOPIC_B, 1, 0n)];
    const index = decodeSegment(encodeSegment(segmentOf(0, places)).bytes);
    for (const { topicId, partition } of places)
      expect(findRegion(index, { topicId, partition, baseOffset: 99n })).toMatchObject({ topicId, partition });
    expect(findRegion(index, { topicId: TOPIC_A, partition: 2, baseOffset: 0n })).toBeUndefined();
    expect(findRegion(index, { topicId: TOPIC_B, partition: 2, baseOffset: 0n })).toBeUndefined();
  });

  it('is found at level 1 by the chunk that it was made of', () => {
    const places = [at(TOPIC_A, 1, 0n), at(TOPIC_A, 1, 3n), at(TOPIC_A, 1, 10n), at(TOPIC_B, 0, 3n)];
    const index = decodeSegment(encodeSegment(segmentOf(1, places)).bytes);
    const find = (topicId: string, partition: number, baseOffset: bigint) =>
      findRegion(index, { topicId, partition, baseOffset });
    expect(index.regions.map(({ topicId, partition }, n) => find(topicId, partition, [0n, 3n, 10n, 3n][n]!))).toEqual(
      index.regions,
    );
    for (const offset of [1n, 4n, 9n, 11n]) expect(find(TOPIC_A, 1, offset)).toBeUndefined();
    expect(find(TOPIC_B, 0, 0n)).toBeUndefined();
  });
});
