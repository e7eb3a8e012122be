import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommitArgs, commitTransition } from '../../../lib/log/head-transitions.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import {
  absentPartition,
  commitArgs,
  committed,
  entryNumbered,
  freshPartition,
  idNumbered,
  inlineEntry,
  type OpenStore,
  readHead,
} from './fresh.ts';

/** Commits, and compares the outcome and the head afterwards with those of the transition; a commit that is done answers only what it changed. */
export async function expectCommit(
  store: LogStore,
  partition: PartitionKey,
  args: CommitArgs,
  outcome: 'done' | 'refused',
): Promise<void> {
  const before = await readHead(store, partition);
  const expected = commitTransition(before, args);
  expect(expected.outcome).toBe(outcome);
  const answer = await store.heads.commit(partition, args);
  if (expected.outcome === 'refused') expect(answer).toEqual(expected);
  else {
    const { next, tail, tailBytes } = expected.item;
    expect(answer).toEqual({ outcome: 'done', next, tail, tailBytes });
  }
  expect(await readHead(store, partition)).toEqual(expected.outcome === 'done' ? expected.item : before);
}

/** Registers the tests of `Heads.commit`. */
export function commitContract(name: string, open: OpenStore): void {
  describe(`the commits of ${name}`, () => {
    let store: LogStore;
    let close: () => Promise<void>;

    beforeAll(async () => ({ store, close } = await open()));
    afterAll(() => close());

    describe.each(['plain', 'strict'] as const)('a %s commit', (form) => {
      it('adds its entries behind the last, in order, and answers what it changed', async () => {
        const partition = await freshPartition(store);
        await expectCommit(store, partition, commitArgs(1, { form }), 'done');
        const entries = [entryNumbered(2), entryNumbered(3, { recordCount: 4 })];
        const args = { form, known: 1n, entries, recordCount: 5, checksum: 77n, batchBytes: 12_345 };
        await expectCommit(store, partition, commitArgs(2, args), 'done');
        const head = (await readHead(store, partition))!;
        expect(head).toMatchObject({ next: 6n, tailBytes: 111, ring: 1, appended: 78n, appendedBytes: 12_445n });
        expect(head.tail).toEqual([entryNumbered(1), ...entries]);
      });

      it('is refused without an item when there is no head', async () => {
        await expectCommit(store, absentPartition(), commitArgs(1, { form }), 'refused');
      });

      it('is refused when its smallest id is the floor, or below it', async () => {
        const partition = await freshPartition(store);
        await store.heads.raiseFloor(partition, idNumbered(5));
        await expectCommit(store, partition, commitArgs(5, { form }), 'refused');
        await expectCommit(store, partition, commitArgs(4, { form }), 'refused');
        const entries = [entryNumbered(9), entryNumbered(4)];
        await expectCommit(store, partition, commitArgs(9, { form, entries, minId: idNumbered(4) }), 'refused');
        await expectCommit(store, partition, commitArgs(6, { form }), 'done');
      });

      it('is refused when the tail has as many entries as the cap', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        await expectCommit(store, partition, commitArgs(4, { form, known: 3n, tailEntriesCap: 3 }), 'refused');
        await expectCommit(store, partition, commitArgs(4, { form, known: 3n, tailEntriesCap: 2 }), 'refused');
        await expectCommit(store, partition, commitArgs(4, { form, known: 3n, tailEntriesCap: 4 }), 'done');
      });

      it('is refused when the tail has as many bytes as the cap', async () => {
        const partition = await freshPartition(store);
        const { tailBytes } = await committed(store, partition, 1, 3);
        await expectCommit(store, partition, commitArgs(4, { form, known: 3n, tailBytesCap: tailBytes }), 'refused');
        await expectCommit(
          store,
          partition,
          commitArgs(4, { form, known: 3n, tailBytesCap: tailBytes - 1 }),
          'refused',
        );
        await expectCommit(store, partition, commitArgs(4, { form, known: 3n, tailBytesCap: tailBytes + 1 }), 'done');
      });

      it('keeps offsets and sums exact beyond 2^53', async () => {
        const partition = await freshPartition(store);
        const recordCount = Number.MAX_SAFE_INTEGER;
        const large = { form, recordCount, checksum: 2n ** 60n + 1n, batchBytes: recordCount };
        await expectCommit(store, partition, commitArgs(1, large), 'done');
        await expectCommit(store, partition, commitArgs(2, { ...large, known: BigInt(recordCount) }), 'done');
        await expectCommit(store, partition, commitArgs(3, { form, known: 2n ** 54n - 2n }), 'done');
        const head = (await readHead(store, partition))!;
        expect(head.next).toBe(2n ** 54n - 1n);
        expect(head.appended).toBe(2n ** 61n + 3n);
        expect(head.appendedBytes).toBe(2n ** 54n + 98n);
      });

      it('carries inline batches', async () => {
        const partition = await freshPartition(store);
        const entries = [inlineEntry(1, 48 * 1024), inlineEntry(2, 1)];
        await expectCommit(store, partition, commitArgs(1, { form, entries, recordCount: 2 }), 'done');
        expect((await readHead(store, partition))!.tail).toEqual(entries);
      });

      it('keeps its own copy of the entries, and what it answers is the caller’s', async () => {
        const partition = await freshPartition(store);
        const entry = entryNumbered(1);
        const answer = await store.heads.commit(partition, commitArgs(1, { form, entries: [entry] }));
        entry.fill(0);
        if (answer.outcome === 'done') for (const own of answer.tail) (own as Uint8Array).fill(0);
        expect((await readHead(store, partition))!.tail).toEqual([entryNumbered(1)]);
      });

      it('moves the head of its own partition only', async () => {
        const [a, b] = [await freshPartition(store), await freshPartition(store)];
        const before = await readHead(store, b);
        await expectCommit(store, a, commitArgs(1, { form }), 'done');
        expect(await readHead(store, b)).toEqual(before);
      });
    });

    describe('a plain commit', () => {
      it('is done behind what others added since `known`', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        await expectCommit(store, partition, commitArgs(4, { known: 1n }), 'done');
      });

      it('is done when the tail begins exactly at `known`, and refused when it begins above', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 4);
        const trim = {
          base: 0n,
          end: 2n,
          count: 2,
          entriesBytes: 74,
          runMaxTimestampMs: 1n,
          runMaxTimestampOffset: 0n,
        };
        expect(await store.heads.trimTail(partition, trim)).toMatchObject({ outcome: 'done' });
        await expectCommit(store, partition, commitArgs(5, { known: 1n }), 'refused');
        await expectCommit(store, partition, commitArgs(5, { known: 0n }), 'refused');
        await expectCommit(store, partition, commitArgs(5, { known: 2n }), 'done');
      });

      it('is refused when its first entry stands in the tail already, wherever', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        for (const number of [1, 2, 3]) await expectCommit(store, partition, commitArgs(number), 'refused');
      });

      it('takes entries as the same only when all their bytes are', async () => {
        const partition = await freshPartition(store);
        const entry = inlineEntry(1, 20);
        await expectCommit(store, partition, commitArgs(1, { entries: [entry] }), 'done');
        await expectCommit(store, partition, commitArgs(1, { entries: [entry.slice(0, -1)] }), 'done');
        await expectCommit(store, partition, commitArgs(1, { entries: [inlineEntry(1, 21)] }), 'done');
        await expectCommit(store, partition, commitArgs(1, { entries: [entry] }), 'refused');
      });

      it('takes effect once, however often the same attempt arrives at once', async () => {
        const partition = await freshPartition(store);
        const answers = await Promise.all(
          Array.from({ length: 8 }, () => store.heads.commit(partition, commitArgs(1))),
        );
        expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
        expect(await readHead(store, partition)).toMatchObject({ next: 1n, tail: [entryNumbered(1)], appended: 1n });
      });

      it('never contends: many at once are all done, each at offsets of its own', async () => {
        const partition = await freshPartition(store);
        const numbers = Array.from({ length: 16 }, (_, index) => index + 1);
        const answers = await Promise.all(
          numbers.map((number) => {
            const entries = [entryNumbered(number, { recordCount: number })];
            return store.heads.commit(partition, commitArgs(number, { entries, recordCount: number }));
          }),
        );
        const head = (await readHead(store, partition))!;
        expect(head.next).toBe(136n);
        expect(head.tail).toHaveLength(16);
        for (const [index, answer] of answers.entries()) {
          if (answer.outcome !== 'done') expect.unreachable('a plain commit was refused');
          const entry = entryNumbered(index + 1, { recordCount: index + 1 });
          // Each answer is the tail as it was right behind its own entry.
          expect(answer.tail.at(-1)).toEqual(entry);
          expect(head.tail.slice(0, answer.tail.length)).toEqual(answer.tail);
        }
        expect(new Set(answers.map((answer) => (answer.outcome === 'done' ? answer.next : null))).size).toBe(16);
      });
    });

    describe('a strict commit', () => {
      it('is refused unless `known` is the high watermark', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 3);
        await expectCommit(store, partition, commitArgs(4, { form: 'strict', known: 2n }), 'refused');
        await expectCommit(store, partition, commitArgs(4, { form: 'strict', known: 4n }), 'refused');
        await expectCommit(store, partition, commitArgs(4, { form: 'strict', known: 3n }), 'done');
      });

      it('does not look at the tail: the place alone decides', async () => {
        const partition = await freshPartition(store);
        await committed(store, partition, 1, 1);
        await expectCommit(store, partition, commitArgs(1, { form: 'strict', known: 1n }), 'done');
      });

      it('has one winner when many know the same high watermark; the others see who won', async () => {
        const partition = await freshPartition(store);
        const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
        const answers = await Promise.all(
          numbers.map((number) => store.heads.commit(partition, commitArgs(number, { form: 'strict' }))),
        );
        const winner = answers.findIndex(({ outcome }) => outcome === 'done');
        expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
        for (const answer of answers) {
          if (answer.outcome === 'refused') expect(answer.item!.tail).toEqual([entryNumbered(winner + 1)]);
        }
        expect((await readHead(store, partition))!.tail).toEqual([entryNumbered(winner + 1)]);
      });
    });
  });
}
