import { describe, expect, it } from 'vitest';
import { HeadWatch } from '../../lib/gateway/head-watch.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

const partitionAt = (partition: number) => ({ topicId: '00000000-0000-4000-8000-000000000000', partition });
const MANY = 10_050;

function stagedWatch() {
  const clock = new VirtualClock({ jumps: false });
  const heads = { readMany: async (keys: readonly unknown[]) => keys.map(() => null) };
  const watch = new HeadWatch({ store: { heads }, clock, changes: { count: () => 0 } } as never);
  return { clock, watch };
}

describe('HeadWatch', () => {
  it('wakes who waits for more partitions than are kept, by every one of them', async () => {
    for (const news of [0, 5_000, MANY - 1]) {
      const { watch } = stagedWatch();
      for (let partition = 0; partition < MANY; partition++) watch.saw(partitionAt(partition), 0n, watch.stamp());
      const awaited = Array.from({ length: MANY }, (_, partition) => ({
        partition: partitionAt(partition),
        offset: 0n,
      }));
      let isAwake = false;
      const waiting = watch.wait(awaited, 60_000, new AbortController().signal).then(() => {
        isAwake = true;
      });
      watch.appended(partitionAt(news), 1n);
      for (let turn = 0; turn < 10; turn++) await null;
      expect(isAwake).toBe(true);
      await waiting;
    }
  });

  it('forgets those that nobody waits for', () => {
    const { watch } = stagedWatch();
    for (let partition = 0; partition < MANY; partition++) watch.saw(partitionAt(partition), 0n, watch.stamp());
    expect(watch.isAtEnd({ partition: partitionAt(0), offset: 0n })).toBe(false);
    expect(watch.isAtEnd({ partition: partitionAt(MANY - 1), offset: 0n })).toBe(true);
  });
});
