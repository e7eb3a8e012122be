import { describe, expect, it } from 'vitest';
import { stampBatch } from '../../lib/record/stamp-batch.ts';
import { claimIndex, isCopied } from '../../lib/segment/claim-index.ts';
import { decodeSegment } from '../../lib/segment/decode-segment.ts';
import { ownDomain, ownerOfDomain } from '../../lib/segment/domain.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { batchOf } from '../log/log-stage.ts';

const SOURCE = '00000000-0000-4000-8000-00000000000a';
const FORK = '00000000-0000-4000-8000-00000000000b';

function segment(level: 0 | 1) {
  const batches = [batchOf(['a'])];
  for (const batch of batches) stampBatch(batch, 3n);
  const region = { topicId: SOURCE, partition: 2, batches };
  const writerId = ZERO_ID;
  const { bytes } =
    level === 0
      ? encodeSegment({ level, writerId, regions: [region] })
      : encodeSegment({ level, writerId, regions: [{ ...region, baseOffset: 3n, lastOffset: 3n, chunkVersion: 0 }] });
  return decodeSegment(bytes);
}

describe('an index', () => {
  it('of level 1 in the domain of one topic is that topic’s, whoever it was made for', () => {
    const index = segment(1);
    expect(isCopied(index, ownDomain(FORK))).toBe(true);
    const claimed = claimIndex(index, ownDomain(FORK));
    expect(claimed.regions).toEqual([{ ...index.regions[0], topicId: FORK }]);
  });

  it.each([
    ['in a domain that topics share', 1, 'shared'],
    ['in the domain of the topic it was made for', 1, ownDomain(SOURCE)],
    ['of level 0', 0, ownDomain(FORK)],
  ] as const)('%s is as it was written', (_what, level, domain) => {
    const index = segment(level);
    expect(isCopied(index, domain)).toBe(false);
    expect(claimIndex(index, domain)).toBe(index);
  });
});

describe('a domain', () => {
  it('of one topic tells which', () => {
    expect(ownerOfDomain(ownDomain(FORK))).toBe(FORK);
    expect(ownerOfDomain('t-shirts')).toBeNull();
    expect(ownerOfDomain('shared')).toBeNull();
  });
});
