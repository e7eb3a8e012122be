import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { TakeJobArgs, UpdateJobArgs } from '../../../lib/maintenance/job-transitions.ts';
import type { StoredJob } from '../../../lib/maintenance/stored-job.ts';
import { freshName, freshTopic, type OpenStore } from './fresh.ts';

const NOW_MS = 1_764_000_000_000;

const takeOf = (changes: Partial<TakeJobArgs> = {}): TakeJobArgs => ({
  owner: 'worker-a',
  seen: 0,
  nowMs: NOW_MS,
  expiresAtMs: NOW_MS + 60_000,
  ...changes,
});

const updateOf = (changes: Partial<UpdateJobArgs> = {}): UpdateJobArgs => ({
  owner: 'worker-a',
  epoch: 1,
  sequence: 1,
  expiresAtMs: 0,
  dueAtMs: NOW_MS + 5,
  state: '{"ü":1}',
  ...changes,
});

/** Registers the tests of the port `Jobs`. */
export function jobsContract(name: string, open: OpenStore): void {
  describe(`the jobs of ${name}`, () => {
    let store: EventSourceStore;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    const taken = async (changes: Partial<TakeJobArgs> = {}): Promise<[string, StoredJob]> => {
      const job = freshName();
      const { item } = await store.jobs.take(job, takeOf(changes));
      return [job, item!];
    };

    it('are not there before they were taken', async () => {
      expect(await store.jobs.read(freshName())).toBeNull();
    });

    it('are made by the first take', async () => {
      const job = freshName();
      const item = {
        epoch: 1,
        sequence: 0,
        owner: 'worker-a',
        expiresAtMs: NOW_MS + 60_000,
        dueAtMs: 0,
        state: '',
      };
      expect(await store.jobs.take(job, takeOf())).toEqual({ outcome: 'done', item });
      expect(await store.jobs.read(job)).toEqual(item);
    });

    it('are not made by one that has seen them', async () => {
      const job = freshName();
      expect(await store.jobs.take(job, takeOf({ seen: 3 }))).toEqual({ outcome: 'refused', item: undefined });
      expect(await store.jobs.read(job)).toBeNull();
    });

    it('are not taken while somebody has them, nor by one who has seen another epoch', async () => {
      const [job, item] = await taken();
      for (const changes of [{ seen: 1 }, { seen: 0, nowMs: NOW_MS + 99_000 }, { seen: 2, nowMs: NOW_MS + 99_000 }]) {
        const args = takeOf({ owner: 'worker-b', ...changes });
        expect(await store.jobs.take(job, args)).toEqual({ outcome: 'refused', item });
      }
      expect(await store.jobs.read(job)).toEqual(item);
    });

    it('are taken when the time is over, to the millisecond, with what was stored last', async () => {
      const [job, item] = await taken();
      const expiresAtMs = NOW_MS + 70_000;
      await store.jobs.update(job, updateOf({ expiresAtMs }));
      const early = takeOf({ owner: 'worker-b', seen: 1, nowMs: expiresAtMs - 1 });
      expect((await store.jobs.take(job, early)).outcome).toBe('refused');
      const next = { owner: 'worker-b', seen: 1, nowMs: expiresAtMs, expiresAtMs: expiresAtMs + 9 };
      expect(await store.jobs.take(job, next)).toEqual({
        outcome: 'done',
        item: {
          ...item,
          epoch: 2,
          owner: 'worker-b',
          expiresAtMs: expiresAtMs + 9,
          dueAtMs: NOW_MS + 5,
          state: '{"ü":1}',
        },
      });
    });

    it('are updated by who has them, each update once and none after a later one', async () => {
      const [job, item] = await taken();
      const second = { ...item, sequence: 2, expiresAtMs: 0, dueAtMs: NOW_MS + 5, state: 'x'.repeat(9_000) };
      const update = updateOf({ sequence: 2, state: second.state });
      expect(await store.jobs.update(job, update)).toEqual({ outcome: 'done', item: second });
      for (const sequence of [1, 2]) {
        const late = updateOf({ sequence, state: 'late' });
        expect(await store.jobs.update(job, late)).toEqual({ outcome: 'refused', item: second });
      }
      expect(await store.jobs.read(job)).toEqual(second);
    });

    it('are not updated by who had them before', async () => {
      const [job] = await taken({ expiresAtMs: NOW_MS });
      const { item } = await store.jobs.take(job, takeOf({ seen: 1, owner: 'worker-b' }));
      expect(await store.jobs.update(job, updateOf({ sequence: 9 }))).toEqual({ outcome: 'refused', item });
      expect(await store.jobs.read(job)).toEqual(item);
    });

    it('are not updated by another of the same epoch, as there is one when the table was restored', async () => {
      const [job, item] = await taken();
      const stranger = updateOf({ owner: 'worker-b', sequence: 9 });
      expect(await store.jobs.update(job, stranger)).toEqual({ outcome: 'refused', item });
      expect(await store.jobs.read(job)).toEqual(item);
    });

    it('know which topics were removed', async () => {
      const topic = freshTopic({ state: 'deleting' });
      expect(await store.spentTopics.has(topic.topicId)).toBe(false);
      await store.topics.create(topic);
      expect(await store.spentTopics.has(topic.topicId)).toBe(false);
      await store.topics.remove(topic.name, topic.topicId);
      expect(await store.spentTopics.has(topic.topicId)).toBe(true);
    });

    it('are not made by an update', async () => {
      const job = freshName();
      expect(await store.jobs.update(job, updateOf())).toEqual({ outcome: 'refused', item: undefined });
      expect(await store.jobs.read(job)).toBeNull();
    });
  });
}
