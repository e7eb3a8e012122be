/** Random operations on topics and the global floor. */
import fc from 'fast-check';
import { emptyHead } from '../../lib/log/head.ts';
import type { Topic, TopicState } from '../../lib/log/topic.ts';
import { type SegmentId, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { broken, type Draw, idArbitrary, type Ports, type World } from './differential-model.ts';

const state = fc.constantFrom<TopicState>('creating', 'active', 'deleting', 'deleting');
const whichTopic = fc.record({ topic: fc.constantFrom(0, 0, 1), version: fc.constantFrom(0, 0, 1) });
const eitherTopic = fc.record({ topic: fc.constantFrom(0, 0, 1), version: fc.constantFrom(0, 1) });
const topicAt = (world: World, { topic, version }: { topic: number; version: number }) =>
  world.topics[topic]![version]!;

export const createTopic = fc.record({ at: whichTopic, state, usesSpent: fc.constantFrom(false, false, true) }).map(
  (choice): Draw =>
    async (world, ports) => {
      const own = topicAt(world, choice.at);
      const { topicId } = choice.usesSpent ? world.former : own;
      const topic = { ...own, state: choice.state, topicId };
      const existing = await ports.topics.get(topic.name);
      const ask = ({ topics }: Ports) => topics.create(topic);
      const clauses = { 'no topic': existing === null, 'id not spent': !world.spent.has(topic.topicId) };
      return { operation: 'create topic', broken: broken(clauses), ask };
    },
);

export const updateTopic = fc
  .record({
    at: whichTopic,
    state,
    versionDelta: fc.constantFrom(-1, 0, 0, 1),
    sameId: fc.constantFrom(true, true, false),
  })
  .map(
    ({ at, state: next, versionDelta, sameId }): Draw =>
      async (world, ports) => {
        const current = await ports.topics.get(topicAt(world, at).name);
        const base = current ?? topicAt(world, at);
        const other = world.topics[at.topic]!.find(({ topicId }) => topicId !== base.topicId)!;
        const topic: Topic = {
          ...base,
          ...(!sameId && { topicId: other.topicId }),
          version: Math.max(0, base.version + versionDelta),
          state: next,
          config: { note: String(versionDelta) },
        };
        const clauses = current
          ? { 'same topic': topic.topicId === current.topicId, 'same version': topic.version === current.version }
          : { 'topic exists': false };
        return { operation: 'update topic', broken: broken(clauses), ask: ({ topics }) => topics.update(topic) };
      },
  );

export const removeTopic = eitherTopic.map(
  (at): Draw =>
    async (world, ports) => {
      const { name, topicId } = topicAt(world, at);
      const current = await ports.topics.get(name);
      const clauses = current
        ? { 'same topic': current.topicId === topicId, 'being deleted': current.state === 'deleting' }
        : {};
      if (current && broken(clauses).length === 0) world.spent.add(topicId);
      return { operation: 'remove topic', broken: broken(clauses), ask: ({ topics }) => topics.remove(name, topicId) };
    },
);

export const createHeads = fc
  .record({
    at: whichTopic,
    partitions: fc.constantFrom([1], [2], [3], [0, 1], [1, 2], [0, 1, 2]),
    floor: fc.oneof({ weight: 4, arbitrary: fc.constant('current') }, { weight: 2, arbitrary: idArbitrary }),
    contents: fc.option(fc.constant({ ...emptyHead(ZERO_ID), next: 9n, start: 4n, tailBase: 9n, appended: 5n })),
  })
  .map(
    (choice): Draw =>
      async (world, ports) => {
        const { name: topicName, topicId } = topicAt(world, choice.at);
        const [topic, floorNow] = [await ports.topics.get(topicName), await ports.topics.readGlobalFloor()];
        const keys = choice.partitions.map((partition) => ({ topicId, partition }));
        const existing = (await ports.heads.readMany(keys, { consistent: true })).filter((head) => head !== null);
        const floor: SegmentId = choice.floor === 'current' ? floorNow : choice.floor;
        const clauses = {
          ...(topic
            ? { 'same topic': topic.topicId === topicId, 'not being deleted': topic.state !== 'deleting' }
            : { 'topic exists': false }),
          'same floor': floor === floorNow,
          'no head': existing.length === 0,
        };
        const { partitions, contents } = choice;
        const args = { topicName, topicId, partitions, floor, ...(contents !== null && { contents }) };
        return { operation: 'createHeads', broken: broken(clauses), ask: ({ topics }) => topics.createHeads(args) };
      },
  );

export const raiseGlobalFloor = fc.oneof(idArbitrary, fc.constant(ZERO_ID)).map(
  (id): Draw =>
    async (_world, ports) => {
      const clauses = { 'floor rises': (await ports.topics.readGlobalFloor()) < id };
      const ask = ({ topics }: Ports) => topics.raiseGlobalFloor(id);
      return { operation: 'raiseGlobalFloor', broken: broken(clauses), ask };
    },
);

export const listTopics = fc
  .record({ after: fc.constantFrom('none' as const, 0, 1), limit: fc.integer({ min: 1, max: 3 }) })
  .map(
    ({ after, limit }): Draw =>
      async (world) => {
        const above = after === 'none' ? null : world.topics[after]![0].name;
        return { operation: 'list topics', broken: [], ask: ({ topics }) => topics.list(above, limit) };
      },
  );
