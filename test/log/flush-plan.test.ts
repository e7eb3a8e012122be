import { describe, expect, it } from 'vitest';
import { AppendPart } from '../../lib/log/append-part.ts';
import { summarizeBatches } from '../../lib/log/batch-summary.ts';
import { type FlushPolicy, type FlushState, flushDelayMs, planFlush } from '../../lib/log/flush-plan.ts';
import { batchOf, large, TOPIC_ID } from './log-stage.ts';

const policy: FlushPolicy = {
  segmentBytes: 1_000,
  lingerMs: 0,
  maxPutsInFlight: 2,
  maxFlushesPerSecond: Number.POSITIVE_INFINITY,
};

const delay = (state: Partial<FlushState>, changes: Partial<FlushPolicy> = {}) =>
  flushDelayMs(
    {
      nowMs: 10_000,
      openBytes: 10,
      openSinceMs: 10_000,
      inFlightSinceMs: [],
      uploadCount: 0,
      lastStartMs: Number.NEGATIVE_INFINITY,
      urgent: false,
      ...state,
    },
    { ...policy, ...changes },
  );

describe('when a flush starts', () => {
  it('is at once when none is in flight', () => {
    expect(delay({})).toBe(0);
  });

  it('is after the one in flight, or when that one takes half a second', () => {
    expect(delay({ inFlightSinceMs: [9_900] })).toBe(400);
    expect(delay({ inFlightSinceMs: [9_500] })).toBe(0);
  });

  it('is at once for a full segment, as long as few enough are uploading', () => {
    expect(delay({ openBytes: 1_000, inFlightSinceMs: [9_999], uploadCount: 1 })).toBe(0);
    expect(delay({ openBytes: 1_000, inFlightSinceMs: [9_999, 9_999], uploadCount: 2 })).toBe(Number.POSITIVE_INFINITY);
  });

  it('is after the linger, unless somebody waits', () => {
    expect(delay({ openSinceMs: 9_990 }, { lingerMs: 30 })).toBe(20);
    expect(delay({ openSinceMs: 9_990, urgent: true }, { lingerMs: 30 })).toBe(0);
    expect(delay({ openSinceMs: 9_960 }, { lingerMs: 30 })).toBe(0);
  });

  it('is bounded by the budget of requests', () => {
    expect(delay({ lastStartMs: 9_900 }, { maxFlushesPerSecond: 2 })).toBe(400);
    expect(delay({ lastStartMs: 9_000 }, { maxFlushesPerSecond: 2 })).toBe(0);
  });
});

describe('what a flush writes', () => {
  function part(partition: number, domain: string, bytes: number, inlineMaxBytes: number): AppendPart {
    const target = { partition: { topicId: TOPIC_ID, partition }, domain, inlineMaxBytes };
    const made = new AppendPart(target, null, 0);
    const batches = batchOf([large('a', bytes)]);
    made.add({ target, batches }, summarizeBatches(batches)).catch(() => {});
    return made;
  }

  it('is one segment for each isolation domain, and what is small inline', () => {
    const [a, b, c, d, e] = [
      part(0, 'red', 500, 0),
      part(1, 'blue', 500, 0),
      part(2, 'red', 500, 0),
      part(3, 'red', 10, 1_024),
      part(4, 'blue', 10, 0),
    ] as const;
    expect(planFlush([a, b, c, d, e])).toEqual({
      inline: [d],
      segments: [
        { domain: 'red', parts: [a, c] },
        { domain: 'blue', parts: [b, e] },
      ],
    });
  });

  it('shares a segment when it is small for more partitions than a PUT costs, but for topics that pay for milliseconds', () => {
    const small = Array.from({ length: 7 }, (_, partition) => part(partition, 'red', 10, 1_024));
    const other = part(8, 'blue', 10, 1_024);
    const hasty = part(9, 'red', 10, 2_048);
    const again = part(0, 'red', 10, 1_024);
    expect(planFlush([...small.slice(0, 6), again, other]).segments).toEqual([]);
    expect(planFlush([...small, again, other, hasty])).toEqual({
      inline: [other, hasty],
      segments: [{ domain: 'red', parts: [...small, again] }],
    });
  });

  it('goes inline up to the limit of its topic, not beyond', () => {
    const small = part(0, 'red', 100, 0);
    const at = part(0, 'red', 100, small.byteCount);
    const above = part(0, 'red', 100, small.byteCount - 1);
    expect(planFlush([at]).inline).toEqual([at]);
    expect(planFlush([above]).inline).toEqual([]);
  });
});
