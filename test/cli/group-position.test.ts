import { describe, expect, it } from 'vitest';
import { parseGroupPosition, parseSeekTopic, resolvePosition } from '../../lib/cli/group-position.ts';

const NOW_MS = 1_795_478_400_000.5;
const resolved = (text: string) => resolvePosition(parseGroupPosition(text), NOW_MS);
const ago = (durationMs: number) => ({ timestampMs: BigInt(1_795_478_400_000 - durationMs) });

describe('a position of a group', () => {
  it.each([
    ['start', 'start'],
    ['end', 'end'],
    ['earliest', 'start'],
    ['TRIM_HORIZON', 'start'],
    ['trim-horizon', 'start'],
    ['LATEST', 'end'],
    ['0', 0n],
    ['1200', 1200n],
    ['@0', { timestampMs: 0n }],
    ['@2026-11-24T10:00:00Z', { timestampMs: 1_795_514_400_000n }],
    ['group:billing', { group: 'billing' }],
    ['group:a:b', { group: 'a:b' }],
    ['90s', ago(90_000)],
    ['30m', ago(30 * 60_000)],
    ['2h', ago(2 * 3_600_000)],
    ['1d12h', ago(36 * 3_600_000)],
    ['PT2H', ago(2 * 3_600_000)],
    ['P1DT12H30M', ago(36.5 * 3_600_000)],
  ])('may be %s', (text, position) => {
    expect(resolved(text)).toEqual(position);
  });

  it.each(['', 'x', '-5', '+5', '2w', '1.5h', 'h', 'P', 'PT', 'group:', '@', '@yesterday', '2h30', '1s1m'])(
    'is refused when it is %j',
    (text) => {
      expect(() => parseGroupPosition(text)).toThrow(/is no position/);
    },
  );
});

describe('a topic to seek in', () => {
  it('may name partitions, and is collected', () => {
    const first = parseSeekTopic('orders');
    expect(parseSeekTopic('payments:0,12', first)).toEqual([
      { topic: 'orders' },
      { topic: 'payments', partitions: [0, 12] },
    ]);
  });

  it.each(['', ':1', 'a:', 'a:x', 'a:1,', 'a:1-3', 'a:-1'])('is refused when it is %j', (text) => {
    expect(() => parseSeekTopic(text)).toThrow(/is no topic/);
  });
});
