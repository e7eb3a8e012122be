import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyHead } from '../../../lib/log/head.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { Topic } from '../../../lib/log/topic.ts';
import type { CreateHeadsArgs } from '../../../lib/log/topic-transitions.ts';
import type { Topics } from '../../../lib/log/topics.ts';
import { firstIdAt, idTimeMs, type SegmentId } from '../../../lib/segment/segment-id.ts';
import { freshName, freshTopic, type OpenStore, readHead } from './fresh.ts';

/** Registers the tests of the port `Topics`. Nobody else may raise the global floor of the store while they run. */
export function topicsContract(name: string, open: OpenStore): void {
  describe(`the topics of ${name}`, () => {
    let store: LogStore;
    let topics: Topics;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ store, close } = await open());
      topics = store.topics;
    });
    afterAll(() => close());

    const stored = async (changes: Partial<Topic> = {}): Promise<Topic> => {
      const topic = freshTopic(changes);
      await topics.create(topic);
      return topic;
    };

    /** The least id above the global floor that is the first of its millisecond. */
    const aboveFloor = (floor: SegmentId): SegmentId => firstIdAt(idTimeMs(floor) + 1);

    describe('create', () => {
      it('stores a topic with all its fields', async () => {
        const topic = freshTopic({
          partitionCount: 100_000,
          readyPartitionCount: 98,
          state: 'creating',
          domain: 'orders',
          config: { 'retention.ms': '-1', 'cleanup.policy': 'compact,delete', note: 'ümlaut “quoted” \\ 流' },
          createdAtMs: 1_764_000_123_456,
          version: 3,
        });
        expect(await topics.create(topic)).toEqual({ outcome: 'done', item: topic });
        expect(await topics.get(topic.name)).toEqual(topic);
      });

      it.each(['creating', 'active', 'deleting'] as const)('is refused while one of that name is %s', async (state) => {
        const first = await stored({ state });
        const second = freshTopic({ name: first.name });
        expect(await topics.create(second)).toEqual({ outcome: 'refused', item: first });
        expect(await topics.get(first.name)).toEqual(first);
      });

      it('has one winner when many create the same name', async () => {
        const topicName = freshName();
        const offers = Array.from({ length: 6 }, () => freshTopic({ name: topicName }));
        const answers = await Promise.all(offers.map((topic) => topics.create(topic)));
        const winners = answers.filter(({ outcome }) => outcome === 'done');
        expect(winners).toHaveLength(1);
        for (const { item } of answers) expect(item).toEqual(winners[0]!.item);
        expect(await topics.get(topicName)).toEqual(winners[0]!.item);
      });
    });

    describe('get', () => {
      it('is null when there is no such topic', async () => {
        expect(await topics.get(freshName())).toBeNull();
      });
    });

    describe('list', () => {
      it('returns names in the order of their bytes, above `after`, at most `limit`', async () => {
        const prefix = freshName();
        const names = ['.a', '.b', '_', 'B', 'a', 'a-', 'a0', 'aa'].map((end) => `${prefix}-x${end}`).sort();
        for (const topicName of [...names].reverse()) await stored({ name: topicName });
        const ours = async (after: string, limit: number) =>
          (await topics.list(after, limit)).filter((found) => found.startsWith(prefix));
        expect(await ours(prefix, 100)).toEqual(names);
        expect(await topics.list(prefix, 3)).toEqual(names.slice(0, 3));
        expect(await ours(names[2]!, 100)).toEqual(names.slice(3));
        expect(await ours(`${names[2]!}!`, 100)).toEqual(names.slice(3));
        expect(await ours(names.at(-1)!, 100)).toEqual([]);
      });

      it('begins at the first name without `after`', async () => {
        await stored();
        const [first] = await topics.list(null, 1);
        const all = await topics.list(null, 1000);
        expect(all[0]).toBe(first);
        expect(all).toEqual([...all].sort());
        expect(new Set(all).size).toBe(all.length);
      });

      it('shows a topic from its creation to its removal', async () => {
        const topic = freshTopic({ state: 'deleting' });
        const isListed = async () => (await topics.list(topic.name.slice(0, -1), 1000)).includes(topic.name);
        expect(await isListed()).toBe(false);
        await topics.create(topic);
        expect(await isListed()).toBe(true);
        await topics.remove(topic.name, topic.topicId);
        expect(await isListed()).toBe(false);
      });
    });

    describe('update', () => {
      it('replaces the topic that was read, and counts the change', async () => {
        const topic = await stored();
        const changed: Topic = { ...topic, state: 'deleting', partitionCount: 5, config: { a: 'b' } };
        expect(await topics.update(changed)).toEqual({ outcome: 'done', item: { ...changed, version: 1 } });
        expect(await topics.get(topic.name)).toEqual({ ...changed, version: 1 });
      });

      it('is refused when the topic has changed since', async () => {
        const topic = await stored({ version: 4 });
        for (const version of [3, 5]) {
          expect(await topics.update({ ...topic, version, partitionCount: 9 })).toEqual({
            outcome: 'refused',
            item: topic,
          });
        }
        expect(await topics.get(topic.name)).toEqual(topic);
      });

      it('is refused when the topic was made again', async () => {
        const topic = await stored();
        const answer = await topics.update({ ...topic, topicId: randomUUID(), partitionCount: 9 });
        expect(answer).toEqual({ outcome: 'refused', item: topic });
        expect(await topics.get(topic.name)).toEqual(topic);
      });

      it('is refused without an item when there is none, and makes none', async () => {
        const topic = freshTopic();
        expect(await topics.update(topic)).toEqual({ outcome: 'refused', item: undefined });
        expect(await topics.get(topic.name)).toBeNull();
      });

      it('has one winner when many change the same version', async () => {
        const topic = await stored();
        const counts = [2, 3, 4, 5, 6];
        const answers = await Promise.all(counts.map((partitionCount) => topics.update({ ...topic, partitionCount })));
        const winners = answers.filter(({ outcome }) => outcome === 'done');
        expect(winners).toHaveLength(1);
        expect(await topics.get(topic.name)).toEqual(winners[0]!.item);
      });
    });

    describe('remove', () => {
      it('removes a topic that is being deleted, and takes one that is not there as removed', async () => {
        const topic = await stored({ state: 'deleting' });
        expect(await topics.remove(topic.name, topic.topicId)).toBe(true);
        expect(await topics.get(topic.name)).toBeNull();
        expect(await topics.remove(topic.name, topic.topicId)).toBe(true);
      });

      it.each(['creating', 'active'] as const)('keeps a topic that is %s', async (state) => {
        const topic = await stored({ state });
        expect(await topics.remove(topic.name, topic.topicId)).toBe(false);
        expect(await topics.get(topic.name)).toEqual(topic);
        expect(await topics.list(topic.name.slice(0, -1), 1000)).toContain(topic.name);
      });

      it('keeps a topic that was made again under the name', async () => {
        const topic = await stored({ state: 'deleting' });
        expect(await topics.remove(topic.name, randomUUID())).toBe(false);
        expect(await topics.get(topic.name)).toEqual(topic);
      });

      it('spends the id: a copy of the request that made the topic does not make it again', async () => {
        const topic = await stored({ state: 'deleting' });
        await topics.remove(topic.name, topic.topicId);
        for (const name of [topic.name, freshTopic().name]) {
          const copy = freshTopic({ name, topicId: topic.topicId });
          expect(await topics.create(copy)).toEqual({ outcome: 'refused', item: undefined });
          expect(await topics.get(name)).toBeNull();
          expect(await topics.list(name.slice(0, -1), 1000)).not.toContain(name);
        }
      });

      it('frees the name', async () => {
        const topic = await stored({ state: 'deleting' });
        await topics.remove(topic.name, topic.topicId);
        const again = freshTopic({ name: topic.name });
        expect(await topics.create(again)).toEqual({ outcome: 'done', item: again });
        expect(await topics.get(topic.name)).toEqual(again);
      });
    });

    describe('createHeads', () => {
      const argsFor = async (topic: Topic, changes: Partial<CreateHeadsArgs> = {}): Promise<CreateHeadsArgs> => ({
        topicName: topic.name,
        topicId: topic.topicId,
        partitions: [0, 1, 2],
        floor: await topics.readGlobalFloor(),
        ...changes,
      });
      const headsOf = (topic: Topic, partitions: readonly number[]) =>
        Promise.all(partitions.map((partition) => readHead(store, { topicId: topic.topicId, partition })));

      it.each(['creating', 'active'] as const)(
        'makes empty heads under the floor for a topic that is %s',
        async (state) => {
          const topic = await stored({ state });
          const args = await argsFor(topic);
          expect(await topics.createHeads(args)).toBe('done');
          const empty = emptyHead(args.floor);
          expect(await headsOf(topic, [0, 1, 2, 3])).toEqual([empty, empty, empty, undefined]);
          expect(await topics.get(topic.name)).toEqual(topic);
        },
      );

      it('makes heads with contents, whose floor is the global one all the same', async () => {
        const topic = await stored();
        const args = await argsFor(topic, { partitions: [0] });
        const contents = {
          ...emptyHead(aboveFloor(aboveFloor(args.floor))),
          ...{ next: 9n, start: 3n, tailBase: 9n, maxTimestampMs: 7n, maxTimestampOffset: 4n },
          ...{ appended: 123n, appendedBytes: 456n },
        };
        expect(await topics.createHeads({ ...args, contents })).toBe('done');
        expect(await headsOf(topic, [0])).toEqual([{ ...contents, floor: args.floor }]);
      });

      it('makes 98 heads at once', async () => {
        const topic = await stored();
        const partitions = Array.from({ length: 98 }, (_, index) => index + 100);
        expect(await topics.createHeads(await argsFor(topic, { partitions }))).toBe('done');
        expect((await headsOf(topic, [100, 197])).every((head) => head?.next === 0n)).toBe(true);
      });

      it('makes heads above the global floor of the moment', async () => {
        const topic = await stored();
        const floor = aboveFloor(await topics.readGlobalFloor());
        await topics.raiseGlobalFloor(floor);
        expect(await topics.createHeads(await argsFor(topic))).toBe('done');
        expect((await headsOf(topic, [0]))[0]!.floor).toBe(floor);
      });

      it('makes none when there is no such topic', async () => {
        const topic = freshTopic();
        expect(await topics.createHeads(await argsFor(topic))).toBe('topic-changed');
        expect(await headsOf(topic, [0])).toEqual([undefined]);
      });

      it('makes none when the topic was made again', async () => {
        const topic = await stored();
        const old = { ...topic, topicId: randomUUID() };
        expect(await topics.createHeads(await argsFor(old))).toBe('topic-changed');
        expect(await headsOf(old, [0])).toEqual([undefined]);
      });

      it('makes none when the topic is being deleted', async () => {
        const topic = await stored({ state: 'deleting' });
        expect(await topics.createHeads(await argsFor(topic))).toBe('topic-changed');
        expect(await headsOf(topic, [0])).toEqual([undefined]);
      });

      it('makes none when the global floor is not the one that was read', async () => {
        const topic = await stored();
        const args = await argsFor(topic);
        const above = aboveFloor(args.floor);
        expect(await topics.createHeads({ ...args, floor: above })).toBe('floor-moved');
        await topics.raiseGlobalFloor(above);
        expect(await topics.createHeads(args)).toBe('floor-moved');
        expect(await headsOf(topic, [0])).toEqual([undefined]);
      });

      it('makes all or none: one that exists keeps the others from being made', async () => {
        const topic = await stored();
        expect(await topics.createHeads(await argsFor(topic, { partitions: [1] }))).toBe('done');
        expect(await topics.createHeads(await argsFor(topic))).toBe('head-exists');
        const [first, second, third] = await headsOf(topic, [0, 1, 2]);
        expect([first, second?.next, third]).toEqual([undefined, 0n, undefined]);
      });

      it('names a changed topic before a moved floor, and that before a head that exists', async () => {
        const topic = await stored();
        const args = await argsFor(topic);
        await topics.createHeads(args);
        const moved = { ...args, floor: aboveFloor(args.floor) };
        expect(await topics.createHeads(moved)).toBe('floor-moved');
        await topics.update({ ...topic, state: 'deleting' });
        expect(await topics.createHeads(moved)).toBe('topic-changed');
      });

      it('has one winner when many make the same heads', async () => {
        const topic = await stored();
        const args = await argsFor(topic);
        const outcomes = await Promise.all(Array.from({ length: 5 }, () => topics.createHeads(args)));
        expect(outcomes.toSorted()).toEqual(['done', ...Array(4).fill('head-exists')]);
      });
    });

    describe('the global floor', () => {
      it('only ever rises', async () => {
        const before = await topics.readGlobalFloor();
        const [low, high] = [aboveFloor(before), aboveFloor(aboveFloor(before))];
        expect(await topics.raiseGlobalFloor(high)).toEqual({ outcome: 'done', item: high });
        expect(await topics.raiseGlobalFloor(high)).toEqual({ outcome: 'refused', item: high });
        expect(await topics.raiseGlobalFloor(low)).toEqual({ outcome: 'refused', item: high });
        expect(await topics.readGlobalFloor()).toBe(high);
      });
    });
  });
}
