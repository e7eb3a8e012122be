import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Head } from '../../../lib/log/head.ts';
import {
  type AdvanceStartArgs,
  advanceStartTransition,
  type Change,
  type NoteCleanedArgs,
  noteCleanedTransition,
  raiseFloorTransition,
  type TrimTailArgs,
  trimTailTransition,
} from '../../../lib/log/head-transitions.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { commitContract, expectCommit } from './commit.contract.ts';
import {
  absentPartition,
  commitArgs,
  committed,
  entryNumbered,
  freshPartition,
  idNumbered,
  type OpenStore,
  readHead,
} from './fresh.ts';

/** Registers the tests of the port `Heads`. */
export function headsContract(name: string, open: OpenStore): void {
  commitContract(name, open);

  describe(`the heads of ${name}`, () => {
    let store: LogStore;
    let close: () => Promise<void>;

    beforeAll(async () => ({ store, close } = await open()));
    afterAll(() => close());

    /** Runs a change, and compares its outcome and the item afterwards with those of its transition. */
    async function expectChange(
      partition: PartitionKey,
      outcome: 'done' | 'refused',
      transition: (head: Head | undefined) => Change<Head>,
      change: () => Promise<unknown>,
    ): Promise<void> {
      const before = await readHead(store, partition);
      const expected = transition(before);
      expect(expected.outcome).toBe(outcome);
      expect(await change()).toEqual(expected);
      expect(await readHead(store, partition)).toEqual(outcome === 'done' ? expected.item : before);
    }

    const expectTrim = (partition: PartitionKey, args: TrimTailArgs, outcome: 'done' | 'refused') =>
      expectChange(
        partition,
        outcome,
        (head) => trimTailTransition(head, args),
        () => store.heads.trimTail(partition, args),
      );

    const expectFloor = (partition: PartitionKey, floor: string, outcome: 'done' | 'refused') =>
      expectChange(
        partition,
        outcome,
        (head) => raiseFloorTransition(head, floor),
        () => store.heads.raiseFloor(partition, floor),
      );

    const expectStart = (partition: PartitionKey, args: AdvanceStartArgs, outcome: 'done' | 'refused') =>
      expectChange(
        partition,
        outcome,
        (head) => advanceStartTransition(head, args),
        () => store.heads.advanceStart(partition, args),
      );

    const expectCleaned = (partition: PartitionKey, args: NoteCleanedArgs, outcome: 'done' | 'refused') =>
      expectChange(
        partition,
        outcome,
        (head) => noteCleanedTransition(head, args),
        () => store.heads.noteCleaned(partition, args),
      );

    /** A head with entries `number`s in its tail, the first `rolled` of them trimmed. */
    async function rolledPartition(entries: number, rolled: number): Promise<PartitionKey> {
      const partition = await freshPartition(store);
      await committed(store, partition, 1, entries);
      await expectTrim(partition, trimArgs({ end: BigInt(rolled), count: rolled }), 'done');
      return partition;
    }

    const trimArgs = (changes: Partial<TrimTailArgs>): TrimTailArgs => ({
      base: 0n,
      end: 1n,
      count: 1,
      entriesBytes: 37 * (changes.count ?? 1),
      runMaxTimestampMs: 11n,
      runMaxTimestampOffset: 4n,
      ...changes,
    });

    describe('read', () => {
      it('is null when the partition does not exist', async () => {
        expect(await store.heads.read(absentPartition(), { consistent: true })).toBeNull();
        expect(await store.heads.read(absentPartition(), { consistent: false })).toBeNull();
      });

      it('sees every change that was answered when it is consistent', async () => {
        const partition = await freshPartition(store);
        for (let number = 1; number <= 5; number++) {
          await store.heads.commit(partition, commitArgs(number));
          expect((await store.heads.read(partition, { consistent: true }))!.next).toBe(BigInt(number));
        }
      });

      it('gives bytes that are the caller’s own', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 2);
        const first = (await readHead(store, partition))!;
        for (const entry of first.tail) (entry as Uint8Array).fill(0);
        expect((await readHead(store, partition))!.tail).toEqual([entryNumbered(1), entryNumbered(2)]);
      });

      it('reads many in the order asked, with null where there is none, and the same one twice', async () => {
        const [a, b] = [await freshPartition(store), await freshPartition(store)];
        await committed(store, a, 1, 1);
        await committed(store, b, 1, 2);
        for (const consistent of [true, false]) {
          const heads = await store.heads.readMany([b, absentPartition(), a, b], { consistent });
          expect(heads.map((head) => head?.next)).toEqual([2n, undefined, 1n, 2n]);
        }
      });

      it('reads none and more than a hundred', async () => {
        expect(await store.heads.readMany([], { consistent: true })).toEqual([]);
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        const { topicId } = partition;
        const partitions = Array.from({ length: 230 }, (_, index) => ({ topicId, partition: 229 - index }));
        const heads = await store.heads.readMany(partitions, { consistent: true });
        expect(heads).toHaveLength(230);
        expect(heads.at(-1)?.next).toBe(3n);
        expect(heads.slice(0, -1).every((head) => head === null)).toBe(true);
      });
    });

    describe('trimTail', () => {
      it('removes the first entries, moves the base and stores the running maximum', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 5);
        await expectTrim(partition, trimArgs({ end: 2n, count: 2 }), 'done');
        const head = (await readHead(store, partition))!;
        expect(head).toMatchObject({ tailBase: 2n, next: 5n, tailBytes: 111, ring: 0, maxTimestampMs: 11n });
        expect(head.tail).toEqual([3, 4, 5].map((number) => entryNumbered(number)));
      });

      it('may empty the tail', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 20);
        await expectTrim(partition, trimArgs({ end: 20n, count: 20 }), 'done');
        expect((await readHead(store, partition))!.tail).toEqual([]);
        await expectCommit(store, partition, commitArgs(21, { known: 20n }), 'done');
      });

      it('removes as many as a chunk can hold', async () => {
        const partition = await freshPartition(store);
        const entries = Array.from({ length: 100 }, (_, index) => entryNumbered(index + 1));
        await expectCommit(store, partition, commitArgs(1, { entries, recordCount: 100 }), 'done');
        await expectCommit(store, partition, commitArgs(101, { tailEntriesCap: 101 }), 'done');
        await expectTrim(partition, trimArgs({ end: 100n, count: 100 }), 'done');
        expect((await readHead(store, partition))!.tail).toEqual([entryNumbered(101)]);
      });

      it('is refused when the tail begins elsewhere', async () => {
        const partition = await rolledPartition(4, 2);
        await expectTrim(partition, trimArgs({ base: 0n, end: 1n }), 'refused');
        await expectTrim(partition, trimArgs({ base: 3n, end: 4n }), 'refused');
        await expectTrim(partition, trimArgs({ base: 2n, end: 3n }), 'done');
      });

      it('is refused when the tail has fewer entries', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 2);
        await expectTrim(partition, trimArgs({ end: 3n, count: 3 }), 'refused');
      });

      it('is refused without an item when there is no head', async () => {
        await expectTrim(absentPartition(), trimArgs({}), 'refused');
      });

      it('takes effect once when many trim the same entries', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 4);
        const trim = () => store.heads.trimTail(partition, trimArgs({ end: 2n, count: 2 }));
        const answers = await Promise.all([trim(), trim(), trim()]);
        expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
        expect(await readHead(store, partition)).toMatchObject({ tailBase: 2n, tailBytes: 74 });
      });
    });

    describe('raiseFloor', () => {
      it('only ever raises it, and is no news to consumers', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 1);
        await expectFloor(partition, idNumbered(5), 'done');
        await expectFloor(partition, idNumbered(5), 'refused');
        await expectFloor(partition, idNumbered(4), 'refused');
        await expectFloor(partition, idNumbered(6), 'done');
        expect(await readHead(store, partition)).toMatchObject({ floor: idNumbered(6), ring: 0, next: 1n });
      });

      it('is refused without an item when there is no head', async () => {
        await expectFloor(absentPartition(), idNumbered(5), 'refused');
      });
    });

    describe('advanceStart', () => {
      const floor = idNumbered(50);

      it('moves the log start offset up to the high watermark and not beyond', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        await expectStart(partition, { start: 4n, floor }, 'refused');
        await expectStart(partition, { start: 2n, floor }, 'done');
        await expectStart(partition, { start: 3n, floor }, 'done');
        expect(await readHead(store, partition)).toMatchObject({ start: 3n, floor, ring: 0 });
      });

      it('is refused when the log starts there or above already', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        await expectStart(partition, { start: 0n, floor }, 'refused');
        await expectStart(partition, { start: 2n, floor }, 'done');
        await expectStart(partition, { start: 2n, floor }, 'refused');
        await expectStart(partition, { start: 1n, floor }, 'refused');
      });

      it('is refused when the floor has risen above the one it brings, and done when it is the same', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        await store.heads.raiseFloor(partition, floor);
        await expectStart(partition, { start: 1n, floor: idNumbered(49) }, 'refused');
        await expectStart(partition, { start: 1n, floor }, 'done');
      });

      it('is refused without an item when there is no head', async () => {
        await expectStart(absentPartition(), { start: 1n, floor }, 'refused');
      });
    });

    describe('noteCleaned', () => {
      it('goes up to the tail and not beyond, and is no news to consumers', async () => {
        const partition = await rolledPartition(4, 3);
        expect(await readHead(store, partition)).toMatchObject({ cleanedEnd: 0n, cleanedBytes: 0n });
        await expectCleaned(partition, { cleanedEnd: 4n, cleanedBytes: 70n }, 'refused');
        await expectCleaned(partition, { cleanedEnd: 2n, cleanedBytes: 50n }, 'done');
        await expectCleaned(partition, { cleanedEnd: 3n, cleanedBytes: 40n }, 'done');
        expect(await readHead(store, partition)).toMatchObject({ cleanedEnd: 3n, cleanedBytes: 40n, ring: 0 });
      });

      it('never goes back, nor is it noted again', async () => {
        const partition = await rolledPartition(4, 3);
        await expectCleaned(partition, { cleanedEnd: 2n, cleanedBytes: 50n }, 'done');
        await expectCleaned(partition, { cleanedEnd: 2n, cleanedBytes: 51n }, 'refused');
        await expectCleaned(partition, { cleanedEnd: 1n, cleanedBytes: 51n }, 'refused');
      });

      it('is never noted at offset 0, where nothing is', async () => {
        const partition = await rolledPartition(4, 3);
        await expectCleaned(partition, { cleanedEnd: 0n, cleanedBytes: 0n }, 'refused');
      });

      it('is refused without an item when there is no head', async () => {
        await expectCleaned(absentPartition(), { cleanedEnd: 1n, cleanedBytes: 1n }, 'refused');
      });
    });

    describe('remove', () => {
      it('deletes the head, again and again', async () => {
        const partition = await freshPartition(store);
        const other = await freshPartition(store);
        await store.heads.remove(partition);
        await store.heads.remove(partition);
        expect(await readHead(store, partition)).toBeUndefined();
        expect(await readHead(store, other)).toBeDefined();
        await expectCommit(store, partition, commitArgs(1), 'refused');
      });
    });
  });
}
