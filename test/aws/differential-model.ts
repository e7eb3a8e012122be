/**
 * What the differential test asks: random operations whose arguments are chosen by what is stored at that moment, so that each clause of each condition is met from
 * both sides. The operations themselves are in the files beside this one, by port.
 */
import fc from 'fast-check';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import type { Group } from '../../lib/group/group.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import type { Topic } from '../../lib/log/topic.ts';
import { freshTopic, idNumbered } from '../log/contract/fresh.ts';
import { freshGroup } from '../log/contract/groups.contract.ts';

/** The ports that the test compares. */
export type Ports = Omit<EventSourceStore, 'objects' | 'prefix' | 'serverClock' | 'close'>;

/** What an operation is, told by what is stored: `ask` is put to both sides. */
export interface Question {
  readonly operation: string;
  /** Clauses of the condition that do not hold, by name; empty when it is allowed, or when there is no condition. */
  readonly broken: readonly string[];
  ask(ports: Ports): Promise<unknown>;
}

/** Draws an operation; `state` reads what is stored. */
export type Draw = (world: World, state: Ports) => Promise<Question>;

/** What one sequence is about: two names and, for each, two topics that may have it; four partitions; and two groups in the same way. */
export interface World {
  readonly topics: readonly (readonly [Topic, Topic])[];
  /** A topic that was made and removed before. */
  readonly former: Topic;
  /** Ids of topics that were removed; the first is that of `former`. */
  readonly spent: Set<string>;
  readonly groups: readonly (readonly [Group, Group])[];
}

/** A new world. */
export function newWorld(): World {
  const pair = (): readonly [Topic, Topic] => {
    const first = freshTopic();
    return [first, freshTopic({ name: first.name })];
  };
  const groups = (): readonly [Group, Group] => {
    const first = freshGroup();
    return [first, freshGroup({ name: first.name })];
  };
  const former = freshTopic({ state: 'deleting' });
  return { topics: [pair(), pair()], former, spent: new Set([former.topicId]), groups: [groups(), groups()] };
}

/** All partitions of a world. */
export function partitionsOf(world: World): PartitionKey[] {
  const ids = new Set([...world.topics.flat().map(({ topicId }) => topicId), ...world.spent]);
  return [...ids].flatMap((topicId) => [0, 1, 2, 3].map((partition) => ({ topicId, partition })));
}

/** Names of the clauses that do not hold. */
export const broken = (clauses: Readonly<Record<string, boolean>>): string[] =>
  Object.entries(clauses).flatMap(([name, holds]) => (holds ? [] : [name]));

/** Floors: mostly below the ids of commits, so that not every commit is refused after the first steps. */
export const idArbitrary = fc.constantFrom(1, 2, 3, 4, 5, 6, 9).map(idNumbered);
/** Which partition an operation is about: mostly the one that has a head from the beginning. */
export const place = fc.record({
  topic: fc.constantFrom(...Array<number>(15).fill(0), 1),
  version: fc.constantFrom(...Array<number>(15).fill(0), 1),
  partition: fc.constantFrom(...Array<number>(9).fill(0), 1),
});
/** A partition by its place in a world. */
export type Place = { readonly topic: number; readonly version: number; readonly partition: number };

/** The partition at a place. */
export const partitionAt = (world: World, { topic, version, partition }: Place): PartitionKey => ({
  topicId: world.topics[topic]![version]!.topicId,
  partition,
});
/** Random arguments may lead below zero, where offsets and sizes end. */
export const offset = (value: bigint): bigint => (value < 0n ? 0n : value);
