import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { subscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { freshName, type OpenStore } from './fresh.ts';

/** A subscription that nobody else uses, not stored yet. */
export function freshSubscription(changes: Partial<FunctionSubscription> = {}): FunctionSubscription {
  const group = changes.group ?? freshName();
  return {
    group,
    topic: 'orders',
    topicId: randomUUID(),
    domain: 'shared',
    version: 0,
    target: 'bill-orders',
    retry: null,
    options: subscriptionOptions({ batchSize: 7, filters: [{ value: { ü: [1] } }], onFailure: 'topic:dead' }, group),
    ...changes,
  };
}

/** Registers the tests of the ports `FunctionSubscriptions` and `Bells`. */
export function functionSubscriptionsContract(name: string, open: OpenStore): void {
  describe(`the subscriptions of functions of ${name}`, () => {
    let store: EventSourceStore;
    let close: () => Promise<void>;
    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    it('are made once, and found by their topic', async () => {
      const { subscriptions } = store;
      const one = freshSubscription();
      expect(await subscriptions.create(one)).toEqual({ outcome: 'done', item: one });
      const other = { ...one, target: 'other' };
      expect(await subscriptions.create(other)).toEqual({ outcome: 'refused', item: one });
      expect(await subscriptions.listOfTopic(one.topicId)).toEqual([one]);
      expect(await subscriptions.get(one)).toEqual(one);
      expect(await subscriptions.get(freshSubscription())).toBeNull();
      expect(await subscriptions.listOfTopic(randomUUID())).toEqual([]);
    });

    it('are found by no other topic, and all of them by their own', async () => {
      const topicId = randomUUID();
      const all = ['b', 'a.1', 'a-1'].map((group) => freshSubscription({ topicId, group }));
      for (const one of all) await store.subscriptions.create(one);
      await store.subscriptions.create(freshSubscription({ topicId: `${topicId}1` }));
      const groups = (await store.subscriptions.listOfTopic(topicId)).map(({ group }) => group);
      expect(groups).toEqual(['a-1', 'a.1', 'b']);
    });

    it('keep which retry topic they are of', async () => {
      const tier = freshSubscription({ retry: { of: 'billing', tier: 2 } });
      await store.subscriptions.create(tier);
      expect(await store.subscriptions.get(tier)).toEqual(tier);
    });

    it('keep what they replay', async () => {
      const ranges = [{ partition: 3, from: 2n, to: 9_007_199_254_740_993n }];
      const replay = freshSubscription({ replay: { of: 'billing', ranges, failuresFrom: 7n } });
      await store.subscriptions.create(replay);
      expect(await store.subscriptions.get(replay)).toEqual(replay);
    });

    it('change if they are what was read', async () => {
      const one = freshSubscription();
      await store.subscriptions.create(one);
      const paused = { ...one, options: { ...one.options, enabled: false } };
      const item = { ...paused, version: 1 };
      expect(await store.subscriptions.update(paused)).toEqual({ outcome: 'done', item });
      expect(await store.subscriptions.update(paused)).toEqual({ outcome: 'refused', item });
      const absent = freshSubscription();
      expect(await store.subscriptions.update(absent)).toEqual({ outcome: 'refused', item: undefined });
    });

    it('have parts, which are made if they are what was read', async () => {
      const { subscriptions } = store;
      const one = freshSubscription();
      const part = freshSubscription({ topicId: one.topicId, group: `${one.group}:part` });
      expect(await subscriptions.createPart(part, one)).toBe('refused');
      await subscriptions.create(one);
      expect(await subscriptions.createPart(part, { ...one, version: 1 })).toBe('refused');
      expect(await subscriptions.listOfTopic(one.topicId)).toEqual([one]);
      expect(await subscriptions.createPart(part, one)).toBe('done');
      const raised = { ...one, version: 1 };
      expect(await subscriptions.listOfTopic(one.topicId)).toEqual([raised, part]);
      // Late, and when there is one already.
      await subscriptions.remove(part);
      expect(await subscriptions.createPart(part, one)).toBe('refused');
      expect(await subscriptions.listOfTopic(one.topicId)).toEqual([raised]);
      expect(await subscriptions.createPart(part, raised)).toBe('done');
      expect(await subscriptions.createPart(part, { ...one, version: 2 })).toBe('refused');
      expect(await subscriptions.get(one)).toEqual({ ...one, version: 2 });
    });

    it('are listed page by page', async () => {
      const made = await Promise.all(
        [1, 2, 3].map(async () => (await store.subscriptions.create(freshSubscription())).item!.group),
      );
      const found: string[] = [];
      for (let after: FunctionSubscription | null = null; ; ) {
        const page: readonly FunctionSubscription[] = await store.subscriptions.list(after, 2);
        if (page.length === 0) break;
        found.push(...page.map(({ group }) => group));
        after = page.at(-1)!;
      }
      expect(found).toEqual(expect.arrayContaining(made));
      expect(new Set(found).size).toBe(found.length);
    });

    it('are removed, also twice', async () => {
      const one = freshSubscription();
      await store.subscriptions.create(one);
      await store.subscriptions.remove(one);
      await store.subscriptions.remove(one);
      expect(await store.subscriptions.listOfTopic(one.topicId)).toEqual([]);
    });

    it('have bells that show that they were rung', async () => {
      const bell = { group: `${freshName()}#ä`, partition: { topicId: randomUUID(), partition: 3 } };
      const mine = async () => (await store.bells.list()).filter(({ group }) => group === bell.group);
      expect(await mine()).toEqual([]);
      await store.bells.ring(bell, 'first');
      expect(await mine()).toEqual([{ ...bell, stamp: 'first', atMs: 0 }]);
      await store.bells.ring(bell, 'second', 1_764_000_000_000);
      expect(await mine()).toEqual([{ ...bell, stamp: 'second', atMs: 1_764_000_000_000 }]);
      await store.bells.ring(bell, 'third');
      expect(await mine()).toEqual([{ ...bell, stamp: 'third', atMs: 0 }]);
    });
  });
}
