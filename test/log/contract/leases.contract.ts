import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { Lease } from '../../../lib/event-source/lease.ts';
import {
  noLease,
  type SeekLeaseArgs,
  type TakeArgs,
  type UpdateLeaseArgs,
} from '../../../lib/event-source/lease-transitions.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { freshName, type OpenStore } from './fresh.ts';

const LARGEST = 2n ** 63n - 1n;
const NOW_MS = 1_764_000_000_000;

const takeOf = (changes: Partial<TakeArgs> = {}): TakeArgs => ({
  topic: 'orders',
  owner: 'worker-a',
  seen: 0,
  nowMs: NOW_MS,
  expiresAtMs: NOW_MS + 60_000,
  ...changes,
});

const updateOf = (changes: Partial<UpdateLeaseArgs> = {}): UpdateLeaseArgs => ({
  owner: 'worker-a',
  epoch: 1,
  sequence: 1,
  committed: 10n,
  attempts: 0,
  progress: '{"ü":1}',
  expiresAtMs: 0,
  notBeforeMs: 0,
  atMs: NOW_MS + 5,
  ...changes,
});

const seekOf = (changes: Partial<SeekLeaseArgs> = {}): SeekLeaseArgs => ({
  topic: 'orders',
  owner: 'administrator',
  seen: 1,
  committed: 3n,
  atMs: NOW_MS + 7,
  ...changes,
});

/** Registers the tests of the port `Leases`. */
export function leasesContract(name: string, open: OpenStore): void {
  describe(`the leases of ${name}`, () => {
    let store: EventSourceStore;
    let close: () => Promise<void>;
    const place = (): [string, PartitionKey] => [freshName(), { topicId: randomUUID(), partition: 2 }];

    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    const read = async (group: string, partition: PartitionKey) =>
      (await store.leases.readMany([{ group, partition }]))[0]!;
    const taken = async (changes: Partial<TakeArgs> = {}): Promise<[string, PartitionKey, Lease]> => {
      const [group, partition] = place();
      const { item } = await store.leases.take(group, partition, takeOf(changes));
      return [group, partition, item!];
    };

    describe('take', () => {
      it('makes a lease that is not there', async () => {
        const [group, partition] = place();
        const item: Lease = {
          ...noLease('orders', partition),
          generation: 1,
          owner: 'worker-a',
          expiresAtMs: NOW_MS + 60_000,
          attempts: 1,
        };
        expect(await store.leases.take(group, partition, takeOf())).toEqual({ outcome: 'done', item });
        expect(await read(group, partition)).toEqual(item);
      });

      it('is refused where there is none although one was seen', async () => {
        const [group, partition] = place();
        const result = await store.leases.take(group, partition, takeOf({ seen: 4 }));
        expect(result).toEqual({ outcome: 'refused', item: undefined });
        expect(await read(group, partition)).toBeNull();
      });

      it('takes an offset that a member of the group has left', async () => {
        const [group, partition] = place();
        const claim = { topic: 'orders', generation: 7, owner: 'm', committed: 9n, atMs: 5 };
        await store.offsets.claim(group, partition, claim);
        const { outcome, item } = await store.leases.take(group, partition, takeOf({ seen: 7 }));
        expect(outcome).toBe('done');
        expect(item).toMatchObject({ generation: 8, committed: 9n, attempts: 1, progress: '', notBeforeMs: 0 });
      });

      it('takes an offset of generation 0, which was seen as none', async () => {
        const [group, partition] = place();
        await store.offsets.claim(group, partition, {
          topic: 'orders',
          generation: 0,
          owner: 'm',
          committed: 9n,
          atMs: 5,
        });
        expect(await store.leases.take(group, partition, takeOf())).toMatchObject({
          outcome: 'done',
          item: { generation: 1, committed: 9n },
        });
      });

      it.each([
        ['is alive', { seen: 1, nowMs: NOW_MS + 59_999 }],
        ['is another than was seen', { seen: 0, nowMs: NOW_MS + 90_000 }],
        ['is a later one', { seen: 2, nowMs: NOW_MS + 90_000 }],
      ])('is refused when the lease %s', async (_, changes) => {
        const [group, partition, item] = await taken();
        const again = takeOf({ owner: 'worker-b', ...changes });
        expect(await store.leases.take(group, partition, again)).toEqual({ outcome: 'refused', item });
        expect(await read(group, partition)).toEqual(item);
      });

      it('takes one that has run out, keeps what was remembered, and counts', async () => {
        const [group, partition] = await taken();
        const kept = updateOf({ expiresAtMs: NOW_MS + 60_000, attempts: 2, notBeforeMs: NOW_MS + 9 });
        await store.leases.update(group, partition, kept);
        const again = takeOf({ owner: 'worker-b', seen: 1, nowMs: NOW_MS + 60_000, expiresAtMs: NOW_MS + 120_000 });
        const { outcome, item } = await store.leases.take(group, partition, again);
        expect(outcome).toBe('done');
        expect(item).toMatchObject({ generation: 2, sequence: 0, owner: 'worker-b', attempts: 3, committed: 10n });
        expect(item).toMatchObject({ progress: '{"ü":1}', notBeforeMs: NOW_MS + 9, expiresAtMs: NOW_MS + 120_000 });
      });
    });

    describe('update', () => {
      it('commits and releases', async () => {
        const [group, partition, before] = await taken();
        const { outcome, item } = await store.leases.update(group, partition, updateOf({ committed: LARGEST }));
        expect(outcome).toBe('done');
        const changed = {
          sequence: 1,
          committed: LARGEST,
          committedAtMs: NOW_MS + 5,
          attempts: 0,
          progress: '{"ü":1}',
        };
        expect(item).toEqual({ ...before, ...changed, expiresAtMs: 0, notBeforeMs: 0 });
        expect(await read(group, partition)).toEqual(item);
        const [offset] = await store.offsets.readMany(group, [partition]);
        expect(offset).toMatchObject({ committed: LARGEST, generation: 1 });
      });

      it('leaves what was committed when it commits nothing', async () => {
        const [group, partition] = await taken();
        await store.leases.update(group, partition, updateOf());
        const { item } = await store.leases.update(
          group,
          partition,
          updateOf({ sequence: 2, committed: null, atMs: 1 }),
        );
        expect(item).toMatchObject({ sequence: 2, committed: 10n, committedAtMs: NOW_MS + 5 });
      });

      it('may repeat what was committed', async () => {
        const [group, partition] = await taken();
        await store.leases.update(group, partition, updateOf());
        expect((await store.leases.update(group, partition, updateOf({ sequence: 2 }))).outcome).toBe('done');
      });

      it.each([
        ['another epoch', { epoch: 2, sequence: 5 }],
        ['another owner, as where the subscription was made again under its name', { owner: 'worker-b', sequence: 5 }],
        ['an earlier epoch', { epoch: 0, sequence: 5 }],
        ['a number that stands', { sequence: 1 }],
        ['an offset below', { sequence: 5, committed: 9n }],
      ])('is refused with %s', async (_, changes) => {
        const [group, partition] = await taken();
        const { item } = await store.leases.update(group, partition, updateOf());
        expect(await store.leases.update(group, partition, updateOf(changes))).toEqual({ outcome: 'refused', item });
        expect(await read(group, partition)).toEqual(item);
      });

      it('is refused where there is nothing', async () => {
        const [group, partition] = place();
        expect(await store.leases.update(group, partition, updateOf())).toEqual({
          outcome: 'refused',
          item: undefined,
        });
      });
    });

    describe('seek', () => {
      it('puts the offset anywhere, and fences whoever has the lease', async () => {
        const [group, partition] = await taken();
        await store.leases.update(group, partition, updateOf({ expiresAtMs: NOW_MS + 60_000, attempts: 4 }));
        const item: Lease = {
          ...noLease('orders', partition),
          generation: 2,
          owner: 'administrator',
          committed: 3n,
          committedAtMs: NOW_MS + 7,
        };
        expect(await store.leases.seek(group, partition, seekOf())).toEqual({ outcome: 'done', item });
        expect((await store.leases.update(group, partition, updateOf({ sequence: 9 }))).outcome).toBe('refused');
        expect(await read(group, partition)).toEqual(item);
      });

      it('makes an offset that is not there', async () => {
        const [group, partition] = place();
        const { outcome, item } = await store.leases.seek(group, partition, seekOf({ seen: 0 }));
        expect(outcome).toBe('done');
        expect(item).toMatchObject({ generation: 1, committed: 3n, expiresAtMs: 0 });
      });

      it.each([0, 2])('is refused when %i was seen', async (seen) => {
        const [group, partition, item] = await taken();
        expect(await store.leases.seek(group, partition, seekOf({ seen }))).toEqual({ outcome: 'refused', item });
      });
    });

    it('keeps a lease when a member claims and commits', async () => {
      const [group, partition] = await taken();
      await store.offsets.claim(group, partition, {
        topic: 'orders',
        generation: 5,
        owner: 'm',
        committed: null,
        atMs: 1,
      });
      const commit = { generation: 5, sequence: 1, offset: 4n, metadata: '', atMs: 2 };
      await store.offsets.commit(group, partition, commit);
      expect(await read(group, partition)).toMatchObject({ generation: 5, committed: 4n, attempts: 1, owner: 'm' });
    });

    it('lists the leases of a group by partition, above one of them, and committed offsets among them', async () => {
      const [group, partition, item] = await taken();
      const at = (number: number) => ({ ...partition, partition: number });
      const twelve = await store.leases.take(group, at(12), takeOf());
      await store.offsets.claim(group, at(3), { topic: 'orders', generation: 1, owner: 'm', committed: 7n, atMs: 1 });
      await store.leases.take(freshName(), partition, takeOf());
      const all = await store.leases.list(group, null, 10);
      expect(all).toMatchObject([item, { partition: at(3), committed: 7n, attempts: 0 }, twelve.item!]);
      expect(await store.leases.list(group, null, 2)).toEqual(all.slice(0, 2));
      expect(await store.leases.list(group, at(3), 10)).toEqual(all.slice(2));
      expect(await store.leases.list(group, at(12), 10)).toEqual([]);
      expect(await store.leases.list(freshName(), null, 10)).toEqual([]);
    });

    it('reads many, in the order asked', async () => {
      const [group, partition, item] = await taken();
      const none = { group: freshName(), partition };
      const places = [none, { group, partition }, none];
      expect(await store.leases.readMany(places)).toEqual([null, item, null]);
      expect(await store.leases.readMany([])).toEqual([]);
    });
  });
}
