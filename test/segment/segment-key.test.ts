import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../../lib/errors.ts';
import { decodeId, firstIdAt } from '../../lib/segment/segment-id.ts';
import {
  parseSegmentKey,
  SEGMENT_SHARDS,
  type SegmentName,
  segmentKey,
  segmentKeyPrefix,
  shardOf,
} from '../../lib/segment/segment-key.ts';

const ID = '01ARYZ6S41TSV4RRFFQ69G5FAV';
const NAME: SegmentName = { prefix: 'logs/prod', domain: 'shared', level: 0, id: ID };
const KEY = `logs/prod/shared/0/3/2016073022/${ID}`;

const name = fc.record<SegmentName>({
  prefix: fc.constantFrom('', 'a', 'logs', 'logs/prod', "a=b/(c)/!_.*'-", '...'),
  domain: fc.stringMatching(/^[a-z0-9-]{1,64}$/),
  level: fc.constantFrom(0, 1),
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => decodeId(bytes)),
});

describe("a segment's key", () => {
  it('is made of prefix, domain, level, shard, hour and id', () => {
    expect(segmentKey(NAME)).toBe(KEY);
    expect(segmentKey({ ...NAME, prefix: '' })).toBe(KEY.slice('logs/prod/'.length));
    expect(segmentKey({ ...NAME, level: 1 })).toBe(KEY.replace('/0/', '/1/'));
    expect(segmentKeyPrefix(NAME)).toBe('logs/prod/shared/0/');
  });

  it('names the hour in UTC', () => {
    const key = segmentKey({ ...NAME, id: firstIdAt(Date.UTC(2026, 0, 2, 3, 59, 59, 999)) });
    expect(key.split('/').at(-2)).toBe('2026010203');
  });

  it('is read back', () => {
    expect(parseSegmentKey(KEY)).toEqual({ ...NAME, shard: '3', hour: '2016073022' });
    fc.assert(
      fc.property(name, (any) => {
        const key = segmentKey(any);
        const { shard, hour, ...read } = parseSegmentKey(key);
        expect(read).toEqual(any);
        expect(key.split('/').slice(-3)).toEqual([shard, hour, any.id]);
        expect(key.startsWith(segmentKeyPrefix(any))).toBe(true);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
      }),
    );
  });

  it.each([
    '',
    'shared',
    KEY.slice(0, -1),
    `${KEY}0`,
    `${KEY}/`,
    `/${KEY}`,
    KEY.replace('prod/', 'prod//'),
    KEY.replace('logs', '..'),
    KEY.replace('/0/', '/2/'),
    KEY.replace('/0/', '/00/'),
    KEY.replace('/3/', '/4/'),
    KEY.replace('/3/', '//'),
    KEY.replace('2016073022', '2016073023'),
    KEY.replace('shared', 'Shared'),
    KEY.replace('shared', ''),
    KEY.toLowerCase(),
  ])('is not %j', (key) => {
    expect(() => parseSegmentKey(key)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', value: key }));
  });

  it('is refused by a typed error, whatever text is given', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.nat(KEY.length - 1), fc.string({ maxLength: 2 }))
        .map(([at, other]) => KEY.slice(0, at) + other + KEY.slice(at + 1)),
    );
    fc.assert(
      fc.property(text, (key) => {
        try {
          expect(segmentKey(parseSegmentKey(key))).toBe(key);
        } catch (error) {
          if (!hasCode(error, 'INVALID_REQUEST')) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each(['', 'UPPER', 'a_b', 'a/b', '.', 'ä', 'a b', 'x'.repeat(65), 'a\n'])('has no domain %j', (domain) => {
    expect(() => segmentKey({ ...NAME, domain })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', value: domain }),
    );
  });

  it.each(['/', '/a', 'a/', 'a//b', '.', '..', 'a/..', '../a', 'a/./b', 'a b', 'ä', 'a\\b', 'x'.repeat(901)])(
    'has no prefix %j',
    (prefix) => {
      expect(() => segmentKey({ ...NAME, prefix })).toThrow(
        expect.objectContaining({ code: 'INVALID_REQUEST', value: prefix }),
      );
    },
  );

  it('has no other level', () => {
    const level = 2 as 0 | 1;
    expect(() => segmentKey({ ...NAME, level })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', value: 2 }),
    );
  });

  it('spreads neighbours over all shards', () => {
    const counts = new Map(SEGMENT_SHARDS.map((shard) => [shard, 0]));
    for (let ms = 0; ms < 16_000; ms++) {
      const shard = shardOf(firstIdAt(Date.UTC(2026, 5, 1) + ms));
      counts.set(shard, counts.get(shard)! + 1);
    }
    expect(counts.size).toBe(16);
    for (const count of counts.values()) expect(count).toBeGreaterThan(500);
  });
});
