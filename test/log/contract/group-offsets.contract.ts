import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupOffset } from '../../../lib/group/group-offset.ts';
import type { Store } from '../../../lib/group/group-store.ts';
import type { ClaimArgs, OffsetCommitArgs } from '../../../lib/group/group-transitions.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { freshName, type OpenStore } from './fresh.ts';

const LARGEST = 2n ** 63n - 1n;

const claimOf = (changes: Partial<ClaimArgs> = {}): ClaimArgs => ({
  topic: 'orders',
  generation: 5,
  owner: 'a',
  committed: null,
  atMs: 1_764_000_000_000,
  ...changes,
});

const commitOf = (changes: Partial<OffsetCommitArgs> = {}): OffsetCommitArgs => ({
  generation: 5,
  sequence: 1,
  offset: 10n,
  metadata: 'ümlaut',
  atMs: 1_764_000_000_001,
  ...changes,
});

/** Registers the tests of the port `GroupOffsets`. */
export function groupOffsetsContract(name: string, open: OpenStore): void {
  describe(`the offsets of groups of ${name}`, () => {
    let store: Store;
    let close: () => Promise<void>;
    const partition = (number = 0, topicId: string = randomUUID()): PartitionKey => ({ topicId, partition: number });

    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    const read = async (group: string, at: PartitionKey) => (await store.offsets.readMany(group, [at]))[0]!;

    describe('claim', () => {
      it('makes an offset that is not there, without a commit', async () => {
        const [group, at] = [freshName(), partition()];
        const item: GroupOffset = {
          topic: 'orders',
          partition: at,
          generation: 5,
          sequence: 0,
          owner: 'a',
          committed: null,
          metadata: '',
          committedAtMs: 0,
        };
        expect(await store.offsets.claim(group, at, claimOf())).toEqual({ outcome: 'done', item });
        expect(await read(group, at)).toEqual(item);
      });

      it('takes over under a later generation, and keeps what was committed', async () => {
        const [group, at] = [freshName(), partition()];
        await store.offsets.claim(group, at, claimOf());
        await store.offsets.commit(group, at, commitOf());
        const { outcome, item } = await store.offsets.claim(group, at, claimOf({ generation: 6, owner: 'b' }));
        expect(outcome).toBe('done');
        expect(item).toMatchObject({ generation: 6, owner: 'b', sequence: 0, committed: 10n, metadata: 'ümlaut' });
        expect(item).toMatchObject({ committedAtMs: 1_764_000_000_001 });
      });

      it.each([5, 4, 0])('is refused under generation %i when 5 has claimed it', async (generation) => {
        const [group, at] = [freshName(), partition()];
        const { item } = await store.offsets.claim(group, at, claimOf());
        const again = claimOf({ generation, owner: 'b', committed: 3n });
        expect(await store.offsets.claim(group, at, again)).toEqual({ outcome: 'refused', item });
        expect(await read(group, at)).toEqual(item);
      });

      it('may set the committed offset', async () => {
        const [group, at] = [freshName(), partition()];
        await store.offsets.claim(group, at, claimOf({ generation: 0, committed: LARGEST }));
        expect(await read(group, at)).toMatchObject({ generation: 0, committed: LARGEST, metadata: '' });
        expect(await read(group, at)).toMatchObject({ committedAtMs: 1_764_000_000_000 });
      });
    });

    describe('commit', () => {
      it('sets the offset of the claim, also backwards', async () => {
        const [group, at] = [freshName(), partition()];
        await store.offsets.claim(group, at, claimOf());
        expect(await store.offsets.commit(group, at, commitOf())).toMatchObject({ outcome: 'done' });
        const back = commitOf({ sequence: 2, offset: 0n, metadata: '' });
        const { outcome, item } = await store.offsets.commit(group, at, back);
        expect([outcome, item]).toMatchObject(['done', { committed: 0n, sequence: 2, owner: 'a', metadata: '' }]);
        expect(await read(group, at)).toEqual(item);
      });

      it.each([
        ['an older number', { sequence: 2, offset: 1n }],
        ['a number that stands', { sequence: 3, offset: 1n }],
        ['an older generation', { generation: 4, sequence: 9 }],
        ['a later generation', { generation: 6, sequence: 9 }],
      ])('is refused with %s', async (_, changes) => {
        const [group, at] = [freshName(), partition()];
        await store.offsets.claim(group, at, claimOf());
        const { item } = await store.offsets.commit(group, at, commitOf({ sequence: 3 }));
        expect(await store.offsets.commit(group, at, commitOf(changes))).toEqual({ outcome: 'refused', item });
        expect(await read(group, at)).toEqual(item);
      });

      it('forgets what was committed with the offset null, and commits again', async () => {
        const [group, at] = [freshName(), partition()];
        await store.offsets.claim(group, at, claimOf());
        await store.offsets.commit(group, at, commitOf());
        const forgotten = await store.offsets.commit(group, at, commitOf({ sequence: 2, offset: null, metadata: '' }));
        expect(forgotten).toMatchObject({ outcome: 'done', item: { committed: null, sequence: 2 } });
        expect(await read(group, at)).toEqual(forgotten.item);
        await store.offsets.commit(group, at, commitOf({ sequence: 3, offset: 7n }));
        expect(await read(group, at)).toMatchObject({ committed: 7n });
      });

      it('is refused where nobody has claimed', async () => {
        const [group, at] = [freshName(), partition()];
        expect(await store.offsets.commit(group, at, commitOf())).toEqual({ outcome: 'refused', item: undefined });
        expect(await store.offsets.readMany(group, [at])).toEqual([null]);
      });
    });

    it('are listed by topic and number, page by page, for their group alone', async () => {
      const [group, other] = [freshName(), freshName()];
      const [first, second] = [randomUUID(), randomUUID()].sort() as [string, string];
      const all = [...[0, 9, 10, 11].map((number) => partition(number, first)), partition(2, second)];
      for (const at of all.toReversed()) await store.offsets.claim(group, at, claimOf());
      await store.offsets.claim(other, partition(1, first), claimOf());
      const found: PartitionKey[] = [];
      for (let after: PartitionKey | null = null; ; ) {
        const page: readonly GroupOffset[] = await store.offsets.list(group, after, 2);
        expect(page.length).toBeLessThanOrEqual(2);
        if (page.length === 0) break;
        found.push(...page.map((offset) => offset.partition));
        after = found.at(-1)!;
      }
      expect(found).toEqual(all);
    });

    it('are read in the order asked, and gone once they are removed', async () => {
      const group = freshName();
      const [a, b, c] = [partition(), partition(), partition()];
      for (const at of [a, b]) await store.offsets.claim(group, at, claimOf());
      const found = await store.offsets.readMany(group, [b, c, a]);
      expect(found.map((offset) => offset?.partition ?? null)).toEqual([b, null, a]);
      await store.offsets.remove(group, a);
      await store.offsets.remove(group, a);
      expect(await store.offsets.readMany(group, [a])).toEqual([null]);
    });
  });
}
