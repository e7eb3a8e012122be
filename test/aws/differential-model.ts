/**
 * The two sides of the differential test: the pure transitions over items in memory, and the adapters over a DynamoDB server; and the random operations that both
 * are asked. Arguments are chosen by what is stored at that moment, so that each clause of each condition is met from both sides.
 */
import fc from 'fast-check';
import type { Chunk } from '../../lib/log/chunk.ts';
import { mayRemoveChunk } from '../../lib/log/chunk-transitions.ts';
import { sameEntry } from '../../lib/log/entry.ts';
import type { Head } from '../../lib/log/head.ts';
import { entriesBytes } from '../../lib/log/head-transitions.ts';
import type { LogStore } from '../../lib/log/log-store.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import type { Topic, TopicState } from '../../lib/log/topic.ts';
import { type SegmentId, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { chunkAt, entryNumbered, freshTopic, idNumbered } from '../log/contract/fresh.ts';

/** The ports that the test compares. */
export type Ports = Pick<LogStore, 'heads' | 'chunks' | 'topics'>;

/** What an operation is, told by what is stored: `ask` is put to both sides. */
export interface Question {
  readonly operation: string;
  /** Clauses of the condition that do not hold, by name; empty when it is allowed, or when there is no condition. */
  readonly broken: readonly string[];
  ask(ports: Ports): Promise<unknown>;
}

/** Draws an operation; `state` reads what is stored. */
export type Draw = (world: World, state: Ports) => Promise<Question>;

/** What one sequence is about: two names and, for each, two topics that may have it; three partitions. */
export interface World {
  readonly topics: readonly (readonly [Topic, Topic])[];
}

/** A new world. */
export function newWorld(): World {
  const pair = (): readonly [Topic, Topic] => {
    const first = freshTopic();
    return [first, freshTopic({ name: first.name })];
  };
  return { topics: [pair(), pair()] };
}

/** All partitions of a world. */
export function partitionsOf(world: World): PartitionKey[] {
  const ids = world.topics.flat().map(({ topicId }) => topicId);
  return ids.flatMap((topicId) => [0, 1, 2].map((partition) => ({ topicId, partition })));
}

/** Names of the clauses that do not hold. */
const broken = (clauses: Readonly<Record<string, boolean>>): string[] =>
  Object.entries(clauses).flatMap(([name, holds]) => (holds ? [] : [name]));

/** Floors: mostly below the ids of commits, so that not every commit is refused after the first steps. */
const idArbitrary = fc.constantFrom(1, 2, 3, 4, 5, 6, 9).map(idNumbered);
const state = fc.constantFrom<TopicState>('creating', 'active', 'deleting');
/** Mostly the partition that has a head from the beginning. */
const placeParts = {
  topic: fc.constantFrom(...Array(15).fill(0), 1),
  version: fc.constantFrom(...Array(15).fill(0), 1),
  partition: fc.constantFrom(...Array(9).fill(0), 1),
};
const place = fc.record(placeParts);
type Place = { readonly topic: number; readonly version: number; readonly partition: number };

const partitionAt = (world: World, { topic, version, partition }: Place): PartitionKey => ({
  topicId: world.topics[topic]![version]!.topicId,
  partition,
});
const headAt = async (ports: Ports, key: PartitionKey): Promise<Head | null> =>
  ports.heads.read(key, { consistent: true });
/** Random arguments may lead below zero, where offsets and sizes end. */
const offset = (value: bigint): bigint => (value < 0n ? 0n : value);

const commit = fc
  .record({
    place,
    form: fc.constantFrom('plain', 'plain', 'strict'),
    numbers: fc.array(fc.integer({ min: 3, max: 14 }), { minLength: 1, maxLength: 3 }),
    recordCount: fc.constantFrom(1, 1, 5, Number.MAX_SAFE_INTEGER),
    knownFrom: fc.constantFrom('next', 'next', 'next', 'tailBase', 'tailBase'),
    knownDelta: fc.constantFrom(-1n, -1n, 0n, 0n, 0n, 1n),
    entriesRoom: fc.constantFrom(0, 1, 9, 9, 9, 9),
    bytesRoom: fc.constantFrom(0, 0, 1, 999, 999, 999),
  })
  .map(
    (choice): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, choice.place);
        const head = await headAt(ports, key);
        const { numbers, recordCount } = choice;
        const form = choice.form as 'plain' | 'strict';
        const known = offset((head?.[choice.knownFrom as 'next' | 'tailBase'] ?? 0n) + choice.knownDelta);
        const args = {
          form,
          known,
          entries: numbers.map((number) => entryNumbered(number)),
          recordCount,
          minId: idNumbered(Math.min(...numbers)),
          checksum: 2n ** 33n + BigInt(numbers[0]!),
          batchBytes: 100,
          tailEntriesCap: (head?.tail.length ?? 0) + choice.entriesRoom,
          tailBytesCap: (head?.tailBytes ?? 0) + choice.bytesRoom,
        };
        const clauses = head
          ? {
              'id above floor': head.floor < args.minId,
              'tail has room': head.tail.length < args.tailEntriesCap,
              'tail has bytes': head.tailBytes < args.tailBytesCap,
              ...(form === 'strict'
                ? { 'exactly at known': head.next === known }
                : {
                    'tail shows earlier attempt': head.tailBase <= known,
                    'not in tail': !head.tail.some((entry) => sameEntry(entry, args.entries[0]!)),
                  }),
            }
          : { 'head exists': false };
        return { operation: `commit ${form}`, broken: broken(clauses), ask: ({ heads }) => heads.commit(key, args) };
      },
  );

const trimTail = fc
  .record({ place, baseDelta: fc.constantFrom(-1n, -1n, 0n, 0n, 0n, 1n), count: fc.integer({ min: 1, max: 4 }) })
  .map(
    ({ place: at, baseDelta, count }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at);
        const head = await headAt(ports, key);
        const base = offset((head?.tailBase ?? 0n) + baseDelta);
        const moved = head?.tail.slice(0, count) ?? [];
        const args = {
          base,
          end: base + BigInt(count),
          count,
          entriesBytes: entriesBytes(moved),
          runMaxTimestampMs: -1n + BigInt(count),
          runMaxTimestampOffset: base,
        };
        const clauses = head
          ? { 'tail begins at base': head.tailBase === base, 'tail has entries': head.tail.length >= count }
          : { 'head exists': false };
        return { operation: 'trimTail', broken: broken(clauses), ask: ({ heads }) => heads.trimTail(key, args) };
      },
  );

const raiseFloor = fc.record({ place, id: idArbitrary }).map(
  ({ place: at, id }): Draw =>
    async (world, ports) => {
      const key = partitionAt(world, at);
      const head = await headAt(ports, key);
      const clauses = head ? { 'floor rises': head.floor < id } : { 'head exists': false };
      return { operation: 'raiseFloor', broken: broken(clauses), ask: ({ heads }) => heads.raiseFloor(key, id) };
    },
);

const advanceStart = fc
  .record({
    place,
    from: fc.constantFrom('start', 'start', 'next'),
    delta: fc.constantFrom(-1n, 0n, 1n, 1n),
    floor: fc.oneof(fc.constant('same'), fc.constant(idNumbered(1)), idArbitrary),
  })
  .map(
    (choice): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, choice.place);
        const head = await headAt(ports, key);
        const start = offset((head?.[choice.from as 'start' | 'next'] ?? 0n) + choice.delta);
        const floor = choice.floor === 'same' ? (head?.floor ?? ZERO_ID) : choice.floor;
        const clauses = head
          ? {
              'start rises': head.start < start,
              'start within log': start <= head.next,
              'floor not above': head.floor <= floor,
            }
          : { 'head exists': false };
        const ask = ({ heads }: Ports) => heads.advanceStart(key, { start, floor });
        return { operation: 'advanceStart', broken: broken(clauses), ask };
      },
  );

const removeHead = place.map(
  (at): Draw =>
    async (world) => {
      const key = partitionAt(world, at);
      return { operation: 'remove head', broken: [], ask: ({ heads }) => heads.remove(key) };
    },
);

const readHeads = fc.boolean().map(
  (consistent): Draw =>
    async (world) => {
      const keys = partitionsOf(world);
      return {
        operation: 'readMany',
        broken: [],
        ask: ({ heads }) => heads.readMany([...keys, keys[0]!], { consistent }),
      };
    },
);

const chunkPlace = fc.record({ place, base: fc.constantFrom(0n, 0n, 10n) });

async function chunkAtBase(ports: Ports, key: PartitionKey, base: bigint): Promise<Chunk | undefined> {
  const range = { fromBase: base, toBase: base, order: 'ascending', limit: 1, consistent: true } as const;
  return (await ports.chunks.query(key, range))[0];
}

const putChunk = fc
  .record({ at: chunkPlace, end: fc.bigInt({ min: 1n, max: 5n }), maxId: fc.integer({ min: 2, max: 8 }) })
  .map(
    ({ at, end, maxId }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at.place);
        const existing = await chunkAtBase(ports, key, at.base);
        const chunk = chunkAt(at.base, { end: at.base + end, maxId: idNumbered(maxId) });
        const ask = ({ chunks }: Ports) => chunks.put(key, chunk);
        return { operation: 'put chunk', broken: broken({ 'no chunk': !existing }), ask };
      },
  );

const replaceChunk = fc
  .record({ at: chunkPlace, version: fc.constantFrom(-1, 0, 0, 0, 1), end: fc.constantFrom(-1n, 0n, 0n, 0n, 1n) })
  .map(
    ({ at, version, end }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at.place);
        const chunk = await chunkAtBase(ports, key, at.base);
        const args = {
          version: (chunk?.version ?? 0) + version,
          end: (chunk?.end ?? 0n) + end,
          reference: entryNumbered(50 + version),
        };
        const clauses = chunk ? { 'same version': version === 0, 'same end': end === 0n } : { 'chunk exists': false };
        const ask = ({ chunks }: Ports) => chunks.replace(key, at.base, args);
        return { operation: 'replace chunk', broken: broken(clauses), ask };
      },
  );

const removeChunk = fc
  .record({ at: chunkPlace, endDelta: fc.constantFrom(-1n, 0n, 1n), idDelta: fc.constantFrom('same', 'low', 'high') })
  .map(
    ({ at, endDelta, idDelta }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at.place);
        const chunk = await chunkAtBase(ports, key, at.base);
        const id = { same: chunk?.maxId ?? ZERO_ID, low: idNumbered(1), high: idNumbered(99) };
        const args = { endAtMost: (chunk?.end ?? 0n) + endDelta, maxIdAtMost: id[idDelta as keyof typeof id] };
        const clauses = chunk
          ? { 'ends below': chunk.end <= args.endAtMost, 'ids under floor': chunk.maxId <= args.maxIdAtMost }
          : {};
        if (chunk && mayRemoveChunk(chunk, args) !== (broken(clauses).length === 0))
          throw new RangeError('clauses differ');
        const ask = ({ chunks }: Ports) => chunks.remove(key, at.base, args);
        return { operation: 'remove chunk', broken: broken(clauses), ask };
      },
  );

const queryChunks = fc
  .record({
    place,
    fromBase: fc.constantFrom(0n, 1n, 10n),
    toBase: fc.constantFrom(0n, 9n, 10n, 2n ** 63n - 1n),
    order: fc.constantFrom('ascending' as const, 'descending' as const),
    limit: fc.integer({ min: 1, max: 3 }),
  })
  .map(
    ({ place: at, ...range }): Draw =>
      async (world) => {
        const key = partitionAt(world, at);
        const ask = ({ chunks }: Ports) => chunks.query(key, { ...range, consistent: true });
        return { operation: 'query chunks', broken: [], ask };
      },
  );

const whichTopic = fc.record({ topic: fc.constantFrom(0, 0, 1), version: fc.constantFrom(0, 0, 1) });
const eitherTopic = fc.record({ topic: fc.constantFrom(0, 0, 1), version: fc.constantFrom(0, 1) });
const topicAt = (world: World, { topic, version }: { topic: number; version: number }) =>
  world.topics[topic]![version]!;

const createTopic = fc.record({ at: whichTopic, state }).map(
  (choice): Draw =>
    async (world, ports) => {
      const topic = { ...topicAt(world, choice.at), state: choice.state };
      const existing = await ports.topics.get(topic.name);
      const ask = ({ topics }: Ports) => topics.create(topic);
      return { operation: 'create topic', broken: broken({ 'no topic': existing === null }), ask };
    },
);

const updateTopic = fc
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

const removeTopic = eitherTopic.map(
  (at): Draw =>
    async (world, ports) => {
      const { name, topicId } = topicAt(world, at);
      const current = await ports.topics.get(name);
      const clauses = current
        ? { 'same topic': current.topicId === topicId, 'being deleted': current.state === 'deleting' }
        : {};
      return { operation: 'remove topic', broken: broken(clauses), ask: ({ topics }) => topics.remove(name, topicId) };
    },
);

const createHeads = fc
  .record({
    at: whichTopic,
    partitions: fc.subarray([0, 1, 2], { minLength: 1 }),
    floor: fc.oneof({ weight: 4, arbitrary: fc.constant('current') }, { weight: 2, arbitrary: idArbitrary }),
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
        const args = { topicName, topicId, partitions: choice.partitions, floor };
        return { operation: 'createHeads', broken: broken(clauses), ask: ({ topics }) => topics.createHeads(args) };
      },
  );

const raiseGlobalFloor = fc.oneof(idArbitrary, fc.constant(ZERO_ID)).map(
  (id): Draw =>
    async (_world, ports) => {
      const clauses = { 'floor rises': (await ports.topics.readGlobalFloor()) < id };
      const ask = ({ topics }: Ports) => topics.raiseGlobalFloor(id);
      return { operation: 'raiseGlobalFloor', broken: broken(clauses), ask };
    },
);

const listTopics = fc
  .record({ after: fc.constantFrom('none' as const, 0, 1), limit: fc.integer({ min: 1, max: 3 }) })
  .map(
    ({ after, limit }): Draw =>
      async (world) => {
        const above = after === 'none' ? null : world.topics[after]![0].name;
        return { operation: 'list topics', broken: [], ask: ({ topics }) => topics.list(above, limit) };
      },
  );

/** Any operation, those with more clauses more often. */
export const anyOperation: fc.Arbitrary<Draw> = fc.oneof(
  { weight: 12, arbitrary: commit },
  { weight: 5, arbitrary: trimTail },
  { weight: 2, arbitrary: raiseFloor },
  { weight: 6, arbitrary: advanceStart },
  { weight: 1, arbitrary: removeHead },
  { weight: 1, arbitrary: readHeads },
  { weight: 2, arbitrary: putChunk },
  { weight: 4, arbitrary: replaceChunk },
  { weight: 4, arbitrary: removeChunk },
  { weight: 1, arbitrary: queryChunks },
  { weight: 2, arbitrary: createTopic },
  { weight: 5, arbitrary: updateTopic },
  { weight: 3, arbitrary: removeTopic },
  { weight: 7, arbitrary: createHeads },
  { weight: 5, arbitrary: raiseGlobalFloor },
  { weight: 1, arbitrary: listTopics },
);

/** Each clause of each condition. */
export const ALL_CLAUSES: readonly string[] = [
  ...['head exists', 'id above floor', 'tail has room', 'tail has bytes'].flatMap((clause) => [
    `commit plain: ${clause}`,
    `commit strict: ${clause}`,
  ]),
  'commit plain: tail shows earlier attempt',
  'commit plain: not in tail',
  'commit strict: exactly at known',
  ...['head exists', 'tail begins at base', 'tail has entries'].map((clause) => `trimTail: ${clause}`),
  ...['head exists', 'floor rises'].map((clause) => `raiseFloor: ${clause}`),
  ...['head exists', 'start rises', 'start within log', 'floor not above'].map((clause) => `advanceStart: ${clause}`),
  'put chunk: no chunk',
  ...['chunk exists', 'same version', 'same end'].map((clause) => `replace chunk: ${clause}`),
  ...['ends below', 'ids under floor'].map((clause) => `remove chunk: ${clause}`),
  'create topic: no topic',
  ...['topic exists', 'same topic', 'same version'].map((clause) => `update topic: ${clause}`),
  ...['same topic', 'being deleted'].map((clause) => `remove topic: ${clause}`),
  ...['topic exists', 'same topic', 'not being deleted', 'same floor', 'no head'].map(
    (clause) => `createHeads: ${clause}`,
  ),
  'raiseGlobalFloor: floor rises',
];
