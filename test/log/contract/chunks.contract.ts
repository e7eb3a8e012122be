import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chunk } from '../../../lib/log/chunk.ts';
import {
  putChunkTransition,
  type RemoveChunkArgs,
  type ReplaceChunkArgs,
  replaceChunkTransition,
} from '../../../lib/log/chunk-transitions.ts';
import type { ChunkQuery, Chunks } from '../../../lib/log/chunks.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import {
  absentPartition,
  chunkAt,
  entryNumbered,
  freshPartition,
  idNumbered,
  inlineEntry,
  type OpenStore,
} from './fresh.ts';

/** Registers the tests of the port `Chunks`. */
export function chunksContract(name: string, open: OpenStore): void {
  describe(`the chunks of ${name}`, () => {
    let store: LogStore;
    let chunks: Chunks;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ store, close } = await open());
      chunks = store.chunks;
    });
    afterAll(() => close());

    const readChunk = async (partition: PartitionKey, base: bigint): Promise<Chunk | undefined> => {
      const range = { fromBase: base, toBase: base, order: 'ascending', limit: 1, consistent: true } as const;
      return (await chunks.query(partition, range))[0];
    };

    const putAll = async (partition: PartitionKey, bases: readonly bigint[]): Promise<void> => {
      for (const base of bases) await chunks.put(partition, chunkAt(base));
    };

    describe('put', () => {
      it('stores a chunk with all its fields', async () => {
        const partition = absentPartition();
        const chunk = chunkAt(20n, {
          entries: [entryNumbered(1), inlineEntry(2, 3000)],
          count: 2,
          maxTimestampMs: -1n,
        });
        expect(await chunks.put(partition, chunk)).toEqual(putChunkTransition(undefined, chunk));
        expect(await readChunk(partition, 20n)).toEqual(chunk);
      });

      it('is refused when there is one with that base, and tells which', async () => {
        const partition = absentPartition();
        const [first, second] = [chunkAt(20n), chunkAt(20n, { end: 99n, count: 7 })];
        await chunks.put(partition, first);
        expect(await chunks.put(partition, second)).toEqual(putChunkTransition(first, second));
        expect(await chunks.put(partition, first)).toEqual({ outcome: 'refused', item: first });
        expect(await readChunk(partition, 20n)).toEqual(first);
      });

      it('has one winner when many put the same base, and the others adopt its chunk', async () => {
        const partition = absentPartition();
        const offers = Array.from({ length: 10 }, (_, index) =>
          chunkAt(0n, { end: BigInt(index + 1), count: index + 1 }),
        );
        const answers = await Promise.all(offers.map((chunk) => chunks.put(partition, chunk)));
        expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
        const winner = offers[answers.findIndex(({ outcome }) => outcome === 'done')];
        for (const { item } of answers) expect(item).toEqual(winner);
        expect(await readChunk(partition, 0n)).toEqual(winner);
      });

      it('keeps its own copy of the entries, and what is read is the caller’s', async () => {
        const partition = absentPartition();
        const entry = entryNumbered(1);
        await chunks.put(partition, chunkAt(0n, { entries: [entry] }));
        entry.fill(0);
        (await readChunk(partition, 0n))!.entries[0]!.fill(0);
        expect((await readChunk(partition, 0n))!.entries).toEqual([entryNumbered(1)]);
      });
    });

    describe('replace', () => {
      const reference = entryNumbered(70, { recordCount: 10 });

      async function expectReplace(
        partition: PartitionKey,
        args: ReplaceChunkArgs,
        outcome: 'done' | 'refused',
      ): Promise<void> {
        const before = await readChunk(partition, 10n);
        const expected = replaceChunkTransition(before, args);
        expect(expected.outcome).toBe(outcome);
        expect(await chunks.replace(partition, 10n, args)).toEqual(expected);
        expect(await readChunk(partition, 10n)).toEqual(outcome === 'done' ? expected.item : before);
      }

      it('puts one reference in the place of the entries, again and again, and keeps the rest', async () => {
        const partition = absentPartition();
        await chunks.put(partition, chunkAt(10n, { count: 2, entries: [entryNumbered(1), entryNumbered(2)] }));
        await expectReplace(partition, { version: 0, end: 20n, reference }, 'done');
        expect(await readChunk(partition, 10n)).toMatchObject({ count: 2, level: 1, version: 1, entries: [reference] });
        await expectReplace(partition, { version: 1, end: 20n, reference: entryNumbered(71) }, 'done');
      });

      it('is refused when the chunk has another version', async () => {
        const partition = absentPartition();
        await chunks.put(partition, chunkAt(10n));
        await expectReplace(partition, { version: 1, end: 20n, reference }, 'refused');
        await expectReplace(partition, { version: 0, end: 20n, reference }, 'done');
        await expectReplace(partition, { version: 0, end: 20n, reference }, 'refused');
      });

      it('is refused when the chunk has another end', async () => {
        const partition = absentPartition();
        await chunks.put(partition, chunkAt(10n));
        await expectReplace(partition, { version: 0, end: 19n, reference }, 'refused');
        await expectReplace(partition, { version: 0, end: 21n, reference }, 'refused');
      });

      it('is refused without an item when there is no such chunk, and makes none', async () => {
        const partition = absentPartition();
        await chunks.put(partition, chunkAt(20n));
        await expectReplace(partition, { version: 0, end: 20n, reference }, 'refused');
      });
    });

    describe('remove', () => {
      const all: RemoveChunkArgs = { endAtMost: 100n, maxIdAtMost: idNumbered(100) };

      it('deletes that chunk and no other, and takes one that is not there as deleted', async () => {
        const partition = absentPartition();
        await putAll(partition, [0n, 10n, 20n]);
        expect(await chunks.remove(partition, 10n, all)).toBe(true);
        expect(await chunks.remove(partition, 10n, all)).toBe(true);
        const left = await chunks.query(partition, { order: 'ascending', limit: 10, consistent: true });
        expect(left.map(({ base }) => base)).toEqual([0n, 20n]);
      });

      it('keeps a chunk that ends above the offset', async () => {
        const partition = absentPartition();
        await putAll(partition, [10n]);
        expect(await chunks.remove(partition, 10n, { ...all, endAtMost: 19n })).toBe(false);
        expect(await readChunk(partition, 10n)).toEqual(chunkAt(10n));
        expect(await chunks.remove(partition, 10n, { ...all, endAtMost: 20n })).toBe(true);
        expect(await readChunk(partition, 10n)).toBeUndefined();
      });

      it('keeps a chunk with an id that is not under the floor', async () => {
        const partition = absentPartition();
        await putAll(partition, [10n]);
        expect(await chunks.remove(partition, 10n, { ...all, maxIdAtMost: idNumbered(8) })).toBe(false);
        expect(await readChunk(partition, 10n)).toEqual(chunkAt(10n));
        expect(await chunks.remove(partition, 10n, { ...all, maxIdAtMost: idNumbered(9) })).toBe(true);
        expect(await readChunk(partition, 10n)).toBeUndefined();
      });
    });

    describe('query', () => {
      const basesOf = async (partition: PartitionKey, query: Partial<ChunkQuery>): Promise<readonly bigint[]> => {
        const found = await chunks.query(partition, { order: 'ascending', limit: 100, consistent: true, ...query });
        return found.map(({ base }) => base);
      };

      it('returns the chunks of one partition and nothing else of it', async () => {
        const { topicId } = await freshPartition(store);
        await putAll({ topicId, partition: 0 }, [0n, 10n]);
        await putAll({ topicId, partition: 1 }, [20n]);
        await putAll({ topicId, partition: 10 }, [30n]);
        await putAll({ topicId: randomUUID(), partition: 0 }, [40n]);
        expect(await basesOf({ topicId, partition: 0 }, {})).toEqual([0n, 10n]);
        expect(await basesOf({ topicId, partition: 1 }, {})).toEqual([20n]);
        expect(await basesOf({ topicId, partition: 2 }, {})).toEqual([]);
      });

      it('takes both ends of the range in', async () => {
        const partition = absentPartition();
        await putAll(partition, [0n, 10n, 20n, 30n]);
        expect(await basesOf(partition, { fromBase: 10n, toBase: 20n })).toEqual([10n, 20n]);
        expect(await basesOf(partition, { fromBase: 11n, toBase: 29n })).toEqual([20n]);
        expect(await basesOf(partition, { fromBase: 21n, toBase: 29n })).toEqual([]);
        expect(await basesOf(partition, { fromBase: 20n })).toEqual([20n, 30n]);
        expect(await basesOf(partition, { toBase: 9n })).toEqual([0n]);
      });

      it('returns the nearest first, in either order, at most `limit`', async () => {
        const partition = absentPartition();
        await putAll(partition, [20n, 0n, 30n, 10n]);
        expect(await basesOf(partition, { limit: 3 })).toEqual([0n, 10n, 20n]);
        expect(await basesOf(partition, { limit: 3, order: 'descending' })).toEqual([30n, 20n, 10n]);
        expect(await basesOf(partition, { limit: 1, order: 'descending', toBase: 25n })).toEqual([20n]);
        expect(await basesOf(partition, { limit: 2, fromBase: 5n })).toEqual([10n, 20n]);
      });

      it('orders offsets as numbers, however many digits they have', async () => {
        const partition = absentPartition();
        const bases = [2n ** 53n + 1n, 9n, 2n ** 63n - 20n, 2n ** 53n, 10n, 99n, 100n, 2n ** 53n - 1n, 10n ** 18n];
        await putAll(partition, bases);
        const sorted = [...bases].sort((a, b) => (a < b ? -1 : 1));
        expect(await basesOf(partition, {})).toEqual(sorted);
        expect(await basesOf(partition, { order: 'descending' })).toEqual(sorted.reverse());
        expect(await basesOf(partition, { fromBase: 2n ** 53n, toBase: 2n ** 53n + 1n })).toEqual([
          2n ** 53n,
          2n ** 53n + 1n,
        ]);
      });

      it('sees every change that was answered when it is consistent', async () => {
        const partition = absentPartition();
        for (const base of [0n, 10n, 20n]) {
          await chunks.put(partition, chunkAt(base));
          expect((await basesOf(partition, { order: 'descending', limit: 1 }))[0]).toBe(base);
        }
      });

      it('may be read eventually', async () => {
        expect(await basesOf(absentPartition(), { consistent: false })).toEqual([]);
      });

      it('never returns none while there are some, so that pages reach everything, however large', async () => {
        const partition = absentPartition();
        const bases = Array.from({ length: 14 }, (_, index) => BigInt(index * 10));
        for (const base of bases) await chunks.put(partition, chunkAt(base, { entries: [inlineEntry(1, 100_000)] }));
        const found: bigint[] = [];
        for (;;) {
          const fromBase = found.length === 0 ? 0n : found.at(-1)! + 1n;
          const page = await basesOf(partition, { fromBase });
          if (page.length === 0) break;
          found.push(...page);
        }
        expect(found).toEqual(bases);
      });
    });
  });
}
