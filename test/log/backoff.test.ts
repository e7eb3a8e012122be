import { expect, it } from 'vitest';
import { backoffMs } from '../../lib/log/backoff.ts';

const random = (value: number) => ({ fraction: () => value, bytes: (count: number) => new Uint8Array(count) });

it('doubles from 20 ms to 2 s', () => {
  const longest = [1, 2, 3, 7, 8, 9, 1_000].map((attempt) => Math.round(backoffMs(attempt, random(1))));
  expect(longest).toEqual([20, 40, 80, 1_280, 2_000, 2_000, 2_000]);
});

it('is spread between a quarter and the whole', () => {
  expect(backoffMs(3, random(0))).toBe(20);
  expect(backoffMs(3, random(0.5))).toBe(50);
});

it('is never zero, not even before the first attempt', () => {
  expect(backoffMs(0, random(0))).toBeGreaterThan(0);
});
