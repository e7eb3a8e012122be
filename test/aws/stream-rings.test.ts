import { describe, expect, it } from 'vitest';
import { readStreamRings } from '../../lib/aws/stream-rings.ts';
import { emptyHead } from '../../lib/log/head.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { bellRecord, headRecord, minuteRecord, streamRecord } from '../deployed/stream-records.ts';

const partition = { topicId: '0f9619ff-8b86-4011-b42d-00c04fc964ff', partition: 7 };

describe('a batch of the stream', () => {
  it('rings by heads, bells and due minutes', () => {
    const head = { ...emptyHead(ZERO_ID), next: 3n, tail: [Uint8Array.of(1, 2, 255)], tailBytes: 3, ring: 1 as const };
    const bell = { group: 'g#h', partition, stamp: 's', atMs: 1_700_000_000_000 };
    const minute = { partition, minuteMs: 1_700_000_040_000, stamp: 't' };
    const rings = readStreamRings([headRecord(partition, head), bellRecord(bell), minuteRecord(minute)]);
    expect(rings).toEqual({ heads: [{ partition, head }], bells: [bell], dueMinutes: [minute], unreadable: [] });
  });

  it('says nothing by what was removed, and by items that ring for nobody', () => {
    const records = [
      streamRecord({ pk: 'BELLS', sk: `${partition.topicId}#7#g` }, {}, 'REMOVE'),
      streamRecord({ pk: `P#${partition.topicId}#7`, sk: 'C#0' }, { base: 0n }),
      streamRecord({ pk: 'JOBS', sk: 'retention' }, { epoch: 1n }),
      {},
    ];
    expect(readStreamRings(records)).toEqual({ heads: [], bells: [], dueMinutes: [], unreadable: [] });
  });

  it('names a head that somebody else has changed, and reads the others', () => {
    const damaged = streamRecord({ pk: `P#${partition.topicId}#7`, sk: 'HEAD' }, { next: 3n });
    const bell = { group: 'g', partition, stamp: 's', atMs: 0 };
    const { bells, unreadable } = readStreamRings([damaged, bellRecord(bell)]);
    expect(bells).toEqual([bell]);
    expect(unreadable).toMatchObject([
      { code: 'CORRUPT_OBJECT', message: expect.stringContaining(`P#${partition.topicId}#7 / HEAD`) },
    ]);
  });
});
