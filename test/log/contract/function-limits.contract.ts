import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import { NO_SLOTS, type SlotHolder, type Slots } from '../../../lib/event-source/limits/slots.ts';
import { freshName, type OpenStore } from './fresh.ts';

const NOW_US = 1_764_000_000_000_000;
const place = { group: 'bill#ü', topicId: 'ec2f1cbc-4d1e-4d3a-9a3d-52f1d0a2f5a1', partition: 7 };

/** Slots with one worker, and one that waits. */
export function slotsBy(by: string, changes: Partial<SlotHolder> = {}): Slots {
  const holder = { ...place, epoch: 3, calls: 2, expiresAtMs: 1_764_000_000_000, ...changes };
  return {
    by,
    holders: [holder],
    waiting: [
      { ...place, group: 'bill.retry-1', partition: 0, askedMs: 5 },
      { ...place, askedMs: 1_764_000_000_001 },
    ],
  };
}

/** Registers the tests of the port `FunctionLimits`. */
export function functionLimitsContract(name: string, open: OpenStore): void {
  describe(`what limits functions of ${name}`, () => {
    let store: EventSourceStore;
    let close: () => Promise<void>;
    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    it('has slots that are replaced by whoever has read them', async () => {
      const { limits } = store;
      const group = freshName();
      expect(await limits.readSlots(group, 0)).toBeNull();
      const first = slotsBy('a');
      expect(await limits.replaceSlots(group, 0, { seen: 'a', next: first })).toEqual({ outcome: 'refused' });
      expect(await limits.replaceSlots(group, 0, { seen: '', next: first })).toEqual({ outcome: 'done', item: first });
      expect(await limits.readSlots(group, 0)).toEqual(first);
      const refused = { outcome: 'refused', item: first };
      expect(await limits.replaceSlots(group, 0, { seen: '', next: slotsBy('b') })).toEqual(refused);
      expect(await limits.replaceSlots(group, 0, { seen: 'b', next: slotsBy('b') })).toEqual(refused);
      const second = { ...NO_SLOTS, by: 'c' };
      expect(await limits.replaceSlots(group, 0, { seen: 'a', next: second })).toEqual({
        outcome: 'done',
        item: second,
      });
      expect(await limits.readSlots(group, 0)).toEqual(second);
    });

    it('has slots of their own for each shard and group', async () => {
      const group = freshName();
      await store.limits.replaceSlots(group, 0, { seen: '', next: slotsBy('a') });
      expect(await store.limits.readSlots(group, 1)).toBeNull();
      expect(await store.limits.readSlots(`${group}.1`, 0)).toBeNull();
    });

    it('reserves behind what was reserved, and never before now', async () => {
      const group = freshName();
      const reserve = (nowUs: number, costUs: number, seenUs: number) =>
        store.limits.reserve(group, 2.5, { nowUs, costUs, seenUs });
      expect(await reserve(NOW_US, 400_000, 0)).toEqual({ nextUs: NOW_US + 400_000 });
      expect(await reserve(NOW_US, 1, NOW_US + 400_000)).toEqual({ nextUs: NOW_US + 400_001 });
      // Whatever was guessed.
      expect(await reserve(NOW_US + 400_001, 2, 0)).toEqual({ nextUs: NOW_US + 400_003 });
      expect(await reserve(NOW_US + 900_000, 5, 0)).toEqual({ nextUs: NOW_US + 900_005 });
      expect(await reserve(NOW_US + 1_000_000, 5, NOW_US + 9_000_000)).toEqual({ nextUs: NOW_US + 1_000_005 });
    });

    it('reserves at each rate for itself', async () => {
      const group = freshName();
      const args = { nowUs: NOW_US, costUs: 5, seenUs: 0 };
      await store.limits.reserve(group, 10, { ...args, costUs: 9 });
      expect(await store.limits.reserve(group, 0.001, args)).toEqual({ nextUs: NOW_US + 5 });
    });

    it('loses nothing when all reserve at once', async () => {
      const group = freshName();
      const args = { nowUs: NOW_US, costUs: 10, seenUs: 0 };
      const all = await Promise.all(Array.from({ length: 12 }, () => store.limits.reserve(group, 1, args)));
      const ends = all.map(({ nextUs }) => nextUs - NOW_US).sort((left, right) => left - right);
      expect(ends).toEqual(Array.from({ length: 12 }, (_, index) => 10 * (index + 1)));
    });

    it('forgets all of a group, and nothing of another', async () => {
      const group = freshName();
      const other = `${group}0`;
      const args = { nowUs: NOW_US, costUs: 5, seenUs: 0 };
      for (const of of [group, other]) {
        for (const shard of [0, 12]) await store.limits.replaceSlots(of, shard, { seen: '', next: slotsBy('a') });
        await store.limits.reserve(of, 1, args);
      }
      for (let time = 0; time < 2; time++) await store.limits.remove(group);
      expect(await store.limits.readSlots(group, 12)).toBeNull();
      expect(await store.limits.reserve(group, 1, args)).toEqual({ nextUs: NOW_US + 5 });
      expect(await store.limits.readSlots(other, 12)).toEqual(slotsBy('a'));
      expect(await store.limits.reserve(other, 1, args)).toEqual({ nextUs: NOW_US + 10 });
    });
  });
}
