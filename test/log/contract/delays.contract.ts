import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import type { DueMinute } from '../../../lib/delay/due-minute.ts';
import type { DuePlace, WaitingRecord } from '../../../lib/delay/due-record.ts';
import type { ReleaseArgs } from '../../../lib/delay/due-transitions.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { entryNumbered, freshPartition, idNumbered, type OpenStore, readHead } from './fresh.ts';

const DUE_MS = 1_764_000_000_000;

/** One that waits, the first of its time. */
export function waitingRecord(changes: Partial<WaitingRecord> = {}): WaitingRecord {
  return {
    dueMs: DUE_MS,
    id: idNumbered(1),
    state: 'waiting',
    topic: 'orders',
    sentMs: DUE_MS - 1_000,
    content: { kind: 'batch', batch: Uint8Array.of(0, 1, 255) },
    ...changes,
  };
}

const large = { content: { kind: 'object', key: 'shared/delayed/0/2026010100/X', lengthBytes: 4_000 } } as const;

/** A release of these as entry `number`. */
export function releaseArgs(
  number: number,
  places: readonly DuePlace[],
  changes: Partial<ReleaseArgs> = {},
): ReleaseArgs {
  return {
    places,
    entries: [entryNumbered(number)],
    recordCount: places.length,
    minId: idNumbered(number),
    checksum: 5n,
    batchBytes: 100,
    tailEntriesCap: 90,
    tailBytesCap: 128 * 1024,
    ...changes,
  };
}

/** Registers the tests of the ports of delayed records. */
export function delaysContract(name: string, open: OpenStore): void {
  describe(`the delayed records of ${name}`, () => {
    let store: DelayStore;
    let close: () => Promise<void>;
    const place = (): PartitionKey => ({ topicId: randomUUID(), partition: 3 });
    const all = (partition: PartitionKey) =>
      store.dueRecords.query(partition, { fromMs: 0, toMs: 10 ** 15 - 1, after: null, limit: 100 });

    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    it('stores what waits as it is, once', async () => {
      const partition = place();
      for (const record of [waitingRecord(), waitingRecord({ id: idNumbered(2), ...large })]) {
        expect(await store.dueRecords.get(partition, record)).toBeNull();
        expect(await store.dueRecords.put(partition, record)).toEqual({ outcome: 'done', item: record });
        expect(await store.dueRecords.get(partition, record)).toEqual(record);
        const other = { ...record, topic: 'another' };
        expect(await store.dueRecords.put(partition, other)).toEqual({ outcome: 'refused', item: record });
      }
    });

    it('is kept out by a trace under its key', async () => {
      const partition = place();
      const trace = { dueMs: DUE_MS, id: idNumbered(1), state: 'cancelled', objectKey: null } as const;
      expect(await store.dueRecords.put(partition, trace)).toMatchObject({ outcome: 'done' });
      expect(await store.dueRecords.put(partition, waitingRecord())).toEqual({ outcome: 'refused', item: trace });
    });

    it('is cancelled while it waits, and leaves a trace that names its object', async () => {
      const partition = place();
      expect(await store.dueRecords.cancel(partition, waitingRecord())).toEqual({
        outcome: 'refused',
        item: undefined,
      });
      await store.dueRecords.put(partition, waitingRecord());
      await store.dueRecords.put(partition, waitingRecord({ id: idNumbered(2), ...large }));
      const trace = { dueMs: DUE_MS, id: idNumbered(1), state: 'cancelled', objectKey: null } as const;
      expect(await store.dueRecords.cancel(partition, waitingRecord())).toEqual({ outcome: 'done', item: trace });
      expect(await store.dueRecords.cancel(partition, waitingRecord())).toEqual({ outcome: 'refused', item: trace });
      const second = await store.dueRecords.cancel(partition, waitingRecord({ id: idNumbered(2) }));
      expect(second.item).toEqual({ ...trace, id: idNumbered(2), objectKey: large.content.key });
      expect(await store.dueRecords.get(partition, waitingRecord())).toEqual(trace);
    });

    it('tells a range in the order of due times and ids, without its end', async () => {
      const partition = place();
      const at = (dueMs: number, number: number) => waitingRecord({ dueMs, id: idNumbered(number) });
      const records = [at(1, 9), at(5, 1), at(5, 2), at(7, 1), at(DUE_MS, 3)];
      for (const record of records.toReversed()) await store.dueRecords.put(partition, record);
      expect(await all(partition)).toEqual(records);
      const query = (fromMs: number, toMs: number, after: DuePlace | null, limit = 100) =>
        store.dueRecords.query(partition, { fromMs, toMs, after, limit });
      expect(await query(5, 7, null)).toEqual(records.slice(1, 3));
      expect(await query(1, 8, records[1]!)).toEqual(records.slice(2, 4));
      expect(await query(5, 8, records[0]!, 2)).toEqual(records.slice(1, 3));
      expect(await query(6, 7, null)).toEqual([]);
      expect(await query(8, 7, null)).toEqual([]);
      expect(await query(0, 5, records[2]!)).toEqual([]);
      expect(await store.dueRecords.query(place(), { fromMs: 0, toMs: 9, after: null, limit: 1 })).toEqual([]);
    });

    it('releases records and commits them in one, or does neither', async () => {
      const partition = await freshPartition(store);
      const [first, second] = [waitingRecord(), waitingRecord({ id: idNumbered(2), ...large })];
      await store.dueRecords.put(partition, first);
      await store.dueRecords.put(partition, second);
      const args = releaseArgs(10, [first, second]);
      expect(await store.dueRecords.release(partition, args)).toEqual({ outcome: 'done' });
      const head = await readHead(store, partition);
      expect(head).toMatchObject({ next: 2n, tail: [entryNumbered(10)], ring: 1, appended: 5n, appendedBytes: 100n });
      expect((await all(partition)).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
      // A copy of the request, and another attempt under a new id.
      const refused = { outcome: 'refused', by: 'record', index: 0 };
      expect(await store.dueRecords.release(partition, args)).toEqual(refused);
      expect(await store.dueRecords.release(partition, releaseArgs(11, [first]))).toEqual(refused);
      expect(await readHead(store, partition)).toEqual(head);
    });

    it('releases nothing when one of the records does not wait', async () => {
      const partition = await freshPartition(store);
      const [first, second] = [waitingRecord(), waitingRecord({ id: idNumbered(2) })];
      await store.dueRecords.put(partition, first);
      await store.dueRecords.put(partition, second);
      await store.dueRecords.cancel(partition, second);
      const refused = await store.dueRecords.release(partition, releaseArgs(10, [first, second]));
      expect(refused).toEqual({ outcome: 'refused', by: 'record', index: 1 });
      const absent = await store.dueRecords.release(partition, releaseArgs(10, [first, { ...first, dueMs: 7 }]));
      expect(absent).toEqual({ outcome: 'refused', by: 'record', index: 1 });
      expect(await store.dueRecords.get(partition, first)).toEqual(first);
      expect(await readHead(store, partition)).toMatchObject({ next: 0n });
    });

    it('releases nothing into a head that does not take it', async () => {
      const partition = await freshPartition(store);
      await store.dueRecords.put(partition, waitingRecord());
      const head = await readHead(store, partition);
      for (const changes of [{ minId: head!.floor }, { tailEntriesCap: 0 }, { tailBytesCap: 0 }]) {
        const args = releaseArgs(10, [waitingRecord()], changes);
        expect(await store.dueRecords.release(partition, args)).toEqual({ outcome: 'refused', by: 'head', head });
      }
      const nowhere = await store.dueRecords.release(place(), releaseArgs(10, [waitingRecord()]));
      expect(nowhere).toEqual({ outcome: 'refused', by: 'head', head: undefined });
      expect(await store.dueRecords.get(partition, waitingRecord())).toEqual(waitingRecord());
    });

    it('releases as many at once as the limit says', async () => {
      const partition = await freshPartition(store);
      const records = Array.from({ length: 99 }, (_, index) => waitingRecord({ id: idNumbered(index + 1) }));
      for (const record of records) await store.dueRecords.put(partition, record);
      expect(await store.dueRecords.release(partition, releaseArgs(200, records))).toEqual({ outcome: 'done' });
      expect((await all(partition)).every(({ state }) => state === 'delivered')).toBe(true);
    });

    it('forgets what it is told to, and what is not there', async () => {
      const partition = place();
      await store.dueRecords.put(partition, waitingRecord());
      await store.dueRecords.put(partition, waitingRecord({ dueMs: DUE_MS + 1 }));
      await store.dueRecords.forget(partition, [waitingRecord(), waitingRecord({ dueMs: 3 })]);
      expect(await all(partition)).toEqual([waitingRecord({ dueMs: DUE_MS + 1 })]);
      await store.dueRecords.forget(partition, []);
    });

    it('has a horizon that only rises, and is no record', async () => {
      const partition = place();
      expect(await store.dueRecords.readHorizon(partition)).toBe(0);
      expect(await store.dueRecords.raiseHorizon(partition, 7)).toEqual({ outcome: 'done', item: 7 });
      expect(await store.dueRecords.raiseHorizon(partition, 7)).toEqual({ outcome: 'refused', item: 7 });
      expect(await store.dueRecords.raiseHorizon(partition, 6)).toEqual({ outcome: 'refused', item: 7 });
      expect(await store.dueRecords.raiseHorizon(partition, DUE_MS)).toEqual({ outcome: 'done', item: DUE_MS });
      expect(await store.dueRecords.readHorizon(partition)).toBe(DUE_MS);
      expect(await all(partition)).toEqual([]);
    });
  });

  describe(`the due minutes of ${name}`, () => {
    let store: DelayStore;
    let close: () => Promise<void>;
    const partition = (number = 0): PartitionKey => ({ topicId: randomUUID(), partition: number });
    /** Those of others in the same store are left out. */
    const listed = async (limit: number, of: readonly DueMinute[]) => {
      const ids = new Set(of.map((one) => one.partition.topicId));
      return (await store.dueMinutes.list(limit)).filter((one) => ids.has(one.partition.topicId));
    };

    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    it('are listed in the order of time, under the stamp of the last ring', async () => {
      const minutes = [3, 1, 2].map((minute) => ({
        partition: partition(minute),
        minuteMs: minute * 60_000,
        stamp: 'a',
      }));
      for (const minute of minutes) await store.dueMinutes.ring(minute);
      await store.dueMinutes.ring({ ...minutes[0]!, stamp: 'b' });
      const expected = [minutes[1], minutes[2], { ...minutes[0], stamp: 'b' }];
      expect(await listed(1_000, minutes)).toEqual(expected);
    });

    it('are as many of each shard as were asked for, the first of them', async () => {
      const where = partition();
      const minutes = [0, 60_000, 120_000].map((minuteMs) => ({ partition: where, minuteMs, stamp: 's' }));
      for (const minute of minutes) await store.dueMinutes.ring(minute);
      expect((await listed(1_000, minutes)).map(({ minuteMs }) => minuteMs)).toEqual([0, 60_000, 120_000]);
      const first = await store.dueMinutes.list(1);
      expect(first.length).toBeLessThanOrEqual(16);
      expect(first.length).toBeGreaterThan(0);
    });

    it('are removed under the stamp that was read, and not under another', async () => {
      const minute = { partition: partition(), minuteMs: 60_000, stamp: 'a' };
      await store.dueMinutes.ring(minute);
      await store.dueMinutes.ring({ ...minute, stamp: 'b' });
      expect(await store.dueMinutes.remove(minute)).toBe(false);
      expect(await listed(1_000, [minute])).toHaveLength(1);
      expect(await store.dueMinutes.remove({ ...minute, stamp: 'b' })).toBe(true);
      expect(await store.dueMinutes.remove({ ...minute, stamp: 'b' })).toBe(true);
      expect(await listed(1_000, [minute])).toEqual([]);
    });
  });
}
