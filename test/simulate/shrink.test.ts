import { describe, expect, it } from 'vitest';
import { shrink } from './shrink.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

/** Shrinks a failure that needs these, and counts the attempts. */
async function shrunk(count: number, needed: readonly number[], attempts = 1_000) {
  let made = 0;
  const kept = await shrink(
    numbers(count),
    async (candidate) => {
      made += 1;
      return needed.every((one) => candidate.includes(one));
    },
    attempts,
  );
  return { kept, made };
}

describe('shrinking', () => {
  it.each([
    [100, [3, 17]],
    [100, [42]],
    [7, [0, 6]],
    [4, [0, 1, 2, 3]],
    [1, [0]],
  ])('of %i finds the needed %j', async (count, needed) => {
    expect((await shrunk(count, needed)).kept).toEqual(needed);
  });

  it('finds that nothing is needed', async () => {
    expect(await shrunk(100, [])).toEqual({ kept: [], made: 1 });
    expect((await shrunk(0, [])).kept).toEqual([]);
  });

  it('ends when its attempts have run out, with what it has', async () => {
    const { kept, made } = await shrunk(1_000, [3, 500, 997], 10);
    expect(made).toBeLessThanOrEqual(11);
    expect(kept).toEqual(expect.arrayContaining([3, 500, 997]));
    expect(kept.length).toBeLessThan(1_000);
  });

  it('is content with less than the whole when others help too', async () => {
    // Either of two is enough.
    const kept = await shrink(numbers(50), async (candidate) => candidate.includes(7) || candidate.includes(31), 500);
    expect(kept).toHaveLength(1);
  });
});
