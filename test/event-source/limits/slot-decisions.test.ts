import { describe, expect, it } from 'vitest';
import {
  freeSlots,
  keptPlaces,
  MAX_WAITING,
  othersWait,
  renewSlots,
  type SlotWorker,
  takeSlots,
} from '../../../lib/event-source/limits/slot-decisions.ts';
import { slotShard } from '../../../lib/event-source/limits/slot-shards.ts';
import { NO_SLOTS, type Slots, slotsFromItem, slotsToItem } from '../../../lib/event-source/limits/slots.ts';

const workerAt = (partition: number, epoch = 1): SlotWorker => ({ group: 'bill', topicId: 't', partition, epoch });
const placeAt = (partition: number) => ({ group: 'bill', topicId: 't', partition });
const take = (slots: Slots, worker: SlotWorker, changes: { limit?: number; wanted?: number; nowMs?: number } = {}) => {
  const { limit = 2, wanted = 1, nowMs = 0 } = changes;
  return takeSlots(slots, worker, { limit, wanted, nowMs, expiresAtMs: nowMs + 10_000 });
};
const free = (
  slots: Slots,
  worker: SlotWorker,
  changes: { limit?: number; nowMs?: number; isQueueing?: boolean } = {},
) => freeSlots(slots, worker, { limit: 2, nowMs: 0, isQueueing: false, ...changes });

describe('slots', () => {
  it('are given while there are some, and then waited for in the order of coming', () => {
    let slots = NO_SLOTS;
    for (const [partition, calls] of [
      [0, 1],
      [1, 1],
      [2, 0],
      [3, 0],
    ] as const) {
      const grant = take(slots, workerAt(partition));
      expect(grant.calls).toBe(calls);
      ({ slots } = grant);
    }
    expect(slots.waiting).toMatchObject([placeAt(2), placeAt(3)]);
    // Who asks again keeps its place.
    expect(take(slots, workerAt(2)).slots.waiting).toMatchObject([placeAt(2), placeAt(3)]);
  });

  it('that come free are kept for who has waited longest, and for nobody else', () => {
    let slots = [0, 1, 2, 3].reduce((before, partition) => take(before, workerAt(partition)).slots, NO_SLOTS);
    const change = free(slots, workerAt(0));
    expect(change.kept).toEqual([placeAt(2)]);
    ({ slots } = change);
    expect(keptPlaces(slots)).toEqual([placeAt(2)]);
    expect(take(slots, workerAt(4)).calls).toBe(0);
    expect(take(slots, workerAt(3)).calls).toBe(0);
    const grant = take(slots, workerAt(2, 5));
    expect(grant).toMatchObject({ calls: 1, kept: [] });
    expect(keptPlaces(grant.slots)).toEqual([]);
  });

  it('that are kept and not fetched go to the next', () => {
    const slots = [0, 1, 2, 3].reduce((before, partition) => take(before, workerAt(partition)).slots, NO_SLOTS);
    const kept = free(slots, workerAt(0)).slots;
    expect(take(kept, workerAt(3), { nowMs: 11_999 })).toMatchObject({ calls: 0 });
    // The slots of the workers have run out as well.
    expect(take(kept, workerAt(3), { nowMs: 12_001 })).toMatchObject({ calls: 1 });
  });

  it('of a worker that died come free, with a margin for clocks that differ', () => {
    const slots = take(NO_SLOTS, workerAt(0), { limit: 1 }).slots;
    expect(take(slots, workerAt(1), { limit: 1, nowMs: 11_999 }).calls).toBe(0);
    expect(take(slots, workerAt(1), { limit: 1, nowMs: 12_000 }).calls).toBe(1);
    // The next worker of its partition is another one: what the dead one called may still run.
    expect(take(slots, workerAt(0, 2), { limit: 1 }).calls).toBe(0);
  });

  it('that ran out go first to those who wait, who are told', () => {
    const full = take(take(NO_SLOTS, workerAt(0), { limit: 1 }).slots, workerAt(1), { limit: 1 }).slots;
    const late = take(full, workerAt(2), { limit: 1, nowMs: 12_000 });
    expect(late).toMatchObject({ calls: 0, kept: [placeAt(1)] });
    expect(late.slots.waiting).toMatchObject([placeAt(2)]);
  });

  it('are several for one worker, unless somebody waits', () => {
    expect(take(NO_SLOTS, workerAt(0), { limit: 5, wanted: 3 }).calls).toBe(3);
    expect(take(NO_SLOTS, workerAt(0), { limit: 2, wanted: 3 }).calls).toBe(2);
    const busy = [0, 1, 2, 3].reduce((before, partition) => take(before, workerAt(partition)).slots, NO_SLOTS);
    expect(take(free(busy, workerAt(0)).slots, workerAt(2), { wanted: 3 }).calls).toBe(1);
  });

  it('are the same again for a worker that asks twice', () => {
    const first = take(NO_SLOTS, workerAt(0), { limit: 3, wanted: 2 });
    const second = take(first.slots, workerAt(0), { limit: 3, wanted: 3, nowMs: 5 });
    expect(second.calls).toBe(2);
    expect(second.slots.holders).toEqual([{ ...placeAt(0), epoch: 1, calls: 2, expiresAtMs: 10_005 }]);
  });

  it('are given back by who lets others have their turn, and comes behind them', () => {
    const slots = [0, 1, 2, 3].reduce((before, partition) => take(before, workerAt(partition)).slots, NO_SLOTS);
    expect(othersWait(slots, placeAt(0))).toBe(true);
    const change = free(slots, workerAt(0), { isQueueing: true });
    expect(change.kept).toEqual([placeAt(2)]);
    expect(change.slots.waiting).toMatchObject([placeAt(3), placeAt(0)]);
    // Done twice, since the first answer was lost, it is the same.
    expect(free(change.slots, workerAt(0), { isQueueing: true }).slots).toEqual(change.slots);
  });

  it('last as long as they are renewed', () => {
    const slots = take(NO_SLOTS, workerAt(0), { limit: 1 }).slots;
    const { slots: renewed } = renewSlots(slots, workerAt(0), {
      limit: 1,
      calls: 1,
      nowMs: 9_000,
      expiresAtMs: 19_000,
    });
    expect(take(renewed, workerAt(1), { limit: 1, nowMs: 20_000 }).calls).toBe(0);
    // Of one that was too late they are counted again, because it calls.
    const taken = take(slots, workerAt(1), { limit: 1, nowMs: 12_000 }).slots;
    const both = renewSlots(taken, workerAt(0), { limit: 1, calls: 1, nowMs: 12_001, expiresAtMs: 19_000 }).slots;
    expect(free(both, workerAt(1), { limit: 1, nowMs: 12_002 }).slots.holders).toHaveLength(1);
    expect(
      take(free(both, workerAt(1), { limit: 1, nowMs: 12_002 }).slots, workerAt(2), { limit: 1, nowMs: 12_003 }).calls,
    ).toBe(0);
  });

  it('are waited for by so many at most who are told; the others look again', () => {
    let slots = take(NO_SLOTS, workerAt(0), { limit: 1 }).slots;
    for (let partition = 1; partition < MAX_WAITING + 5; partition++)
      ({ slots } = take(slots, workerAt(partition), { limit: 1 }));
    expect(slots.waiting).toHaveLength(MAX_WAITING);
    // Whoever has had its turn is not written down before those who are not either.
    const change = free(slots, workerAt(0), { limit: 1, isQueueing: true });
    expect(change.slots.waiting).toHaveLength(MAX_WAITING - 1);
    expect(change.slots.waiting).not.toContainEqual(expect.objectContaining(placeAt(0)));
    const again = take(change.slots, workerAt(MAX_WAITING + 1), { limit: 1 });
    expect(again.slots.waiting.at(-1)).toMatchObject(placeAt(MAX_WAITING + 1));
  });

  it('are not kept for who has not asked for long, and who asks again keeps its place', () => {
    let slots = [0, 1, 2, 3].reduce(
      (before, partition) => take(before, workerAt(partition), { limit: 1 }).slots,
      NO_SLOTS,
    );
    for (const nowMs of [100_000, 200_000]) ({ slots } = take(slots, workerAt(3), { limit: 1, nowMs }));
    // The slot that was kept meanwhile for the first was not fetched.
    expect(slots.waiting).toMatchObject([placeAt(3)]);
    expect(free(slots, workerAt(0), { limit: 1, nowMs: 400_000 }).kept).toEqual([placeAt(3)]);
    expect(free(slots, workerAt(0), { limit: 1, nowMs: 500_000 }).kept).toEqual([]);
  });

  it('are stored in about a kilobyte, and read as they were', () => {
    const topicId = 'ec2f1cbc-4d1e-4d3a-9a3d-52f1d0a2f5a1';
    const holders = Array.from({ length: 25 }, (_, partition) => {
      return {
        group: 'billing',
        topicId,
        partition: partition * 7,
        epoch: 4_711,
        calls: 1,
        expiresAtMs: 1_764_000_000_000,
      };
    });
    const slots = { by: topicId, holders, waiting: [{ group: 'billing.retry-1', topicId, partition: 3, askedMs: 5 }] };
    const item = slotsToItem(slots);
    expect(slotsFromItem(item)).toEqual(slots);
    expect(JSON.stringify(item).length).toBeLessThan(1_150);
  });

  it('are shared out among items of 25 at most, and all of them together are the limit', () => {
    for (const limit of [1, 2, 25, 26, 51, 100, 999, 1_000]) {
      const shards = new Map<number, number>();
      for (let partition = 0; partition < 1_000; partition++) {
        const { shard, limit: part } = slotShard(limit, partition);
        shards.set(shard, part);
      }
      const parts = [...shards.values()];
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(limit);
      expect(Math.max(...parts)).toBeLessThanOrEqual(25);
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(Math.min(limit, 13));
    }
  });
});
