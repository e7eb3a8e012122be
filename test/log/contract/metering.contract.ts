import { afterEach, describe, expect, it } from 'vitest';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { type Meter, noUsage, type StoreUsage, UsageMeter } from '../../../lib/log/meter.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import {
  absentPartition,
  chunkAt,
  commitArgs,
  freshName,
  freshPartition,
  freshTopic,
  idNumbered,
  inlineEntry,
} from './fresh.ts';

/** Opens a store that tells this meter. */
export type OpenMetered = (meter: Meter) => Promise<{ readonly store: LogStore; readonly close: () => Promise<void> }>;

/** Registers the tests of what a store tells its meter: every request, in AWS's units, refused or not. */
export function meteringContract(name: string, open: OpenMetered): void {
  describe(`the meter of ${name}`, () => {
    let close: (() => Promise<void>) | undefined;

    afterEach(async () => {
      await close?.();
      close = undefined;
    });

    async function opened(): Promise<{ store: LogStore; used: (action: () => Promise<unknown>) => Promise<Usage> }> {
      const meter = new UsageMeter();
      const result = await open(meter);
      close = result.close;
      const used = async (action: () => Promise<unknown>): Promise<Usage> => {
        const before = meter.usage;
        await action();
        return difference(before, meter.usage);
      };
      return { store: result.store, used };
    }

    /** A head of about so many bytes: 10 KiB and a bit is 11 units to write and 3 to read. */
    async function partitionOf(store: LogStore, batchBytes: number): Promise<PartitionKey> {
      const partition = await freshPartition(store);
      await store.heads.commit(partition, commitArgs(1, { entries: [inlineEntry(1, batchBytes)] }));
      return partition;
    }

    it('hears of puts with their bytes, made or not', async () => {
      const { store, used } = await opened();
      const key = `${freshName()}/a`;
      const put = () => store.objects.put(key, new Uint8Array(1000));
      expect(await used(put)).toEqual({ puts: 1, putBytes: 1000 });
      expect(await used(put)).toEqual({ puts: 1, putBytes: 1000 });
    });

    it('hears of copies as of puts without bytes, made or not', async () => {
      const { store, used } = await opened();
      const key = `${freshName()}/a`;
      await store.objects.put(key, new Uint8Array(1000));
      const copy = () => store.objects.copy(key, `${key}b`);
      expect(await used(copy)).toEqual({ puts: 1 });
      expect(await used(copy)).toEqual({ puts: 1 });
      expect(await used(() => store.objects.copy(`${key}x`, `${key}y`))).toEqual({ puts: 1 });
    });

    it('hears of gets with the bytes that came, of sizes, and of misses', async () => {
      const { store, used } = await opened();
      const key = `${freshName()}/a`;
      await store.objects.put(key, new Uint8Array(1000));
      expect(await used(() => store.objects.get(key, 900, 500))).toEqual({ gets: 1, getBytes: 100 });
      expect(await used(() => store.objects.size(key))).toEqual({ gets: 1 });
      expect(await used(() => store.objects.get(`${key}x`, 0, 500))).toEqual({ gets: 1 });
    });

    it('hears of lists and of removals, one for all keys of a request', async () => {
      const { store, used } = await opened();
      const prefix = freshName();
      expect(await used(() => store.objects.list(prefix, null, 10))).toEqual({ lists: 1 });
      expect(await used(() => store.objects.remove([`${prefix}/a`, `${prefix}/b`]))).toEqual({ deletes: 1 });
    });

    it('counts one unit for a commit that leaves the head below 1 KB', async () => {
      const { store, used } = await opened();
      const partition = await freshPartition(store);
      const usage = await used(() => store.heads.commit(partition, commitArgs(1)));
      expect(usage).toEqual({ writeRequests: 1, writeUnits: 1 });
    });

    it('counts the larger of before and after for a change', async () => {
      const { store, used } = await opened();
      const partition = await freshPartition(store);
      const grow = commitArgs(1, { entries: [inlineEntry(1, 10_300)] });
      expect(await used(() => store.heads.commit(partition, grow))).toEqual({ writeRequests: 1, writeUnits: 11 });
      const trim = {
        base: 0n,
        end: 1n,
        count: 1,
        entriesBytes: 10_329,
        runMaxTimestampMs: 1n,
        runMaxTimestampOffset: 0n,
      };
      expect(await used(() => store.heads.trimTail(partition, trim))).toEqual({ writeRequests: 1, writeUnits: 11 });
      const floor = idNumbered(3);
      expect(await used(() => store.heads.raiseFloor(partition, floor))).toEqual({ writeRequests: 1, writeUnits: 1 });
    });

    it('counts a refused change by the item that refused it', async () => {
      const { store, used } = await opened();
      const partition = await partitionOf(store, 10_300);
      const refused = { writeRequests: 1, writeUnits: 11 };
      expect(await used(() => store.heads.commit(partition, commitArgs(2, { tailEntriesCap: 1 })))).toEqual(refused);
      expect(await used(() => store.heads.advanceStart(partition, { start: 9n, floor: idNumbered(1) }))).toEqual(
        refused,
      );
      const nothing = { writeRequests: 1, writeUnits: 1 };
      expect(await used(() => store.heads.commit(absentPartition(), commitArgs(1)))).toEqual(nothing);
    });

    it('counts the size of what is removed, and one unit for nothing', async () => {
      const { store, used } = await opened();
      const partition = await partitionOf(store, 10_300);
      expect(await used(() => store.heads.remove(partition))).toEqual({ writeRequests: 1, writeUnits: 11 });
      expect(await used(() => store.heads.remove(partition))).toEqual({ writeRequests: 1, writeUnits: 1 });
    });

    it('counts chunks that are put, refused and replaced', async () => {
      const { store, used } = await opened();
      const partition = absentPartition();
      const put = () => store.chunks.put(partition, chunkAt(0n, { entries: [inlineEntry(1, 3000)] }));
      expect(await used(put)).toEqual({ writeRequests: 1, writeUnits: 4 });
      expect(await used(put)).toEqual({ writeRequests: 1, writeUnits: 4 });
      const replace = { version: 0, end: 10n, reference: inlineEntry(2, 10) };
      expect(await used(() => store.chunks.replace(partition, 0n, replace))).toEqual({
        writeRequests: 1,
        writeUnits: 4,
      });
      const remove = { endAtMost: 10n, maxIdAtMost: idNumbered(9) };
      expect(await used(() => store.chunks.remove(partition, 0n, remove))).toEqual({ writeRequests: 1, writeUnits: 1 });
    });

    it('counts a read by 4 KB, half when it is eventual, and one unit for nothing', async () => {
      const { store, used } = await opened();
      const partition = await partitionOf(store, 10_300);
      const read = (consistent: boolean) => used(() => store.heads.read(partition, { consistent }));
      expect(await read(true)).toEqual({ readRequests: 1, readUnits: 3 });
      expect(await read(false)).toEqual({ readRequests: 1, readUnits: 1.5 });
      const absent = await used(() => store.heads.read(absentPartition(), { consistent: true }));
      expect(absent).toEqual({ readRequests: 1, readUnits: 1 });
    });

    it('rounds up each head of several by itself', async () => {
      const { store, used } = await opened();
      const [a, b] = [await partitionOf(store, 10_300), await partitionOf(store, 10)];
      const usage = await used(() => store.heads.readMany([a, b], { consistent: true }));
      expect(usage.readUnits).toBe(4);
    });

    it('counts a query by the sum of what it returns', async () => {
      const { store, used } = await opened();
      const partition = absentPartition();
      for (const base of [0n, 10n, 20n]) {
        await store.chunks.put(partition, chunkAt(base, { entries: [inlineEntry(1, 3000)] }));
      }
      const query = (limit: number) =>
        used(() => store.chunks.query(partition, { order: 'ascending', limit, consistent: true }));
      expect(await query(10)).toEqual({ readRequests: 1, readUnits: 3 });
      expect(await query(1)).toEqual({ readRequests: 1, readUnits: 1 });
    });

    it('counts each item of a transaction twice, refused or not', async () => {
      const { store, used } = await opened();
      const topic = freshTopic();
      // The topic, the listing, and the check or the spending of the id.
      expect((await used(() => store.topics.create(topic))).writeUnits).toBe(6);
      expect((await used(() => store.topics.create(topic))).writeUnits).toBe(6);
      const floor = await store.topics.readGlobalFloor();
      const args = { topicName: topic.name, topicId: topic.topicId, partitions: [0, 1, 2], floor };
      // Three heads and two checks.
      expect((await used(() => store.topics.createHeads(args))).writeUnits).toBe(10);
      expect((await used(() => store.topics.createHeads(args))).writeUnits).toBe(10);
      await store.topics.update({ ...topic, state: 'deleting' });
      expect((await used(() => store.topics.remove(topic.name, topic.topicId))).writeUnits).toBe(6);
    });
  });
}

type Usage = Partial<StoreUsage>;

/** What was used in between, without what is zero. */
function difference(before: StoreUsage, after: StoreUsage): Usage {
  const names = Object.keys(noUsage) as (keyof StoreUsage)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]]).filter(([, count]) => count !== 0));
}
