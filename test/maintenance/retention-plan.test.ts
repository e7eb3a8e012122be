import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTopicConfig } from '../../lib/log/topic-config.ts';
import { expiredPrefix, KeptSuffix, type RecordExtent } from '../../lib/maintenance/retention-plan.ts';
import { retentionPolicy } from '../../lib/maintenance/retention-policy.ts';

const DAY_MS = 86_400_000n;

/** Extents of ten records each, by their times. */
const at = (...times: readonly number[]): readonly RecordExtent[] =>
  times.map((time, index) => ({ endOffset: BigInt(index + 1) * 10n, maxTimestampMs: BigInt(time), bytes: 100 }));

describe('the policy of a topic', () => {
  it.each([
    [{}, 7n * DAY_MS, null],
    [{ 'retention.ms': '-1' }, null, null],
    [{ 'retention.ms': '-1', 'retention.bytes': '1000' }, null, 1000n],
    [{ 'retention.ms': '0', 'retention.bytes': '0' }, 0n, 0n],
    [{ 'cleanup.policy': 'compact', 'retention.ms': '5', 'retention.bytes': '5' }, null, null],
    [{ 'cleanup.policy': 'compact,delete', 'retention.ms': '5' }, 5n, null],
  ])('of %o', (config, maxAgeMs, minBytes) => {
    expect(retentionPolicy(parseTopicConfig(config))).toEqual({ maxAgeMs, minBytes });
  });
});

describe('records by age', () => {
  const expired = (extents: readonly RecordExtent[], nowMs: number, maxAgeMs: bigint) =>
    expiredPrefix(extents, { nowMs, maxAgeMs });

  it('go when they are older, not when they are as old', () => {
    expect(expired(at(100, 200, 300), 300, 100n)).toEqual({ endOffset: 10n, isAll: false });
    expect(expired(at(100, 200, 300), 301, 100n)).toEqual({ endOffset: 20n, isAll: false });
    expect(expired(at(100, 200, 300), 401, 100n)).toEqual({ endOffset: 30n, isAll: true });
  });

  it('stay behind one that has its time still to come, as in Kafka', () => {
    expect(expired(at(100, 90_000, 100), 1_000, 100n)).toEqual({ endOffset: 10n, isAll: false });
    expect(expired(at(90_000, 100), 1_000, 100n)).toEqual({ endOffset: null, isAll: false });
  });

  it('are all expired where there are none', () => {
    expect(expired([], 1_000, 100n)).toEqual({ endOffset: null, isAll: true });
  });
});

describe('records by bytes', () => {
  it('go as long as the limit stays, never below it, for any sizes and pages', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 });
    const property = fc.property(
      sizes,
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 1, max: 7 }),
      (all, limit, page) => {
        const extents = all.map((bytes, index) => ({ endOffset: BigInt(index + 1), maxTimestampMs: 0n, bytes }));
        const suffix = new KeptSuffix(BigInt(limit));
        for (let end = all.length; end > 0 && suffix.startOffset === null; end -= page) {
          const from = Math.max(0, end - page);
          suffix.add(extents.slice(from, end), BigInt(from));
        }
        const kept = (from: number) => all.slice(from).reduce((sum, bytes) => sum + bytes, 0);
        const start = suffix.startOffset === null ? 0 : Number(suffix.startOffset);
        if (suffix.startOffset === null) expect(kept(0)).toBeLessThan(limit);
        else expect(kept(start)).toBeGreaterThanOrEqual(limit);
        // One extent less would be too few.
        if (start < all.length) expect(kept(start + 1)).toBeLessThan(limit);
      },
    );
    fc.assert(property);
  });
});
