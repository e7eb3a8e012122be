/** Makes a topic with the records of another one: a fork. */

import { alreadyExists } from '../log/create-topic.ts';
import { finishDeletion } from '../log/delete-topic.ts';
import { findTopic, topicBusy } from '../log/find-topic.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { parseTopicName } from '../log/topic-name.ts';
import { ownDomain } from '../segment/domain.ts';
import { UlidSource } from '../segment/id-source.ts';
import { CopiedObjects } from './copied-objects.ts';
import { type ForkedPartition, PartitionFork } from './fork-partition.ts';
import { type ForkPoint, planFork } from './fork-plan.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { openTopic } from './open-topic.ts';

/** What is to be forked. */
export interface ForkRequest {
  readonly source: string;
  /** The name of the new topic: none may have it. */
  readonly name: string;
  /** Default: all that there is when it begins. */
  readonly at?: ForkPoint;
  /** Look and check, and write nothing. Default false. */
  readonly dryRun?: boolean;
}

/** A fork, or with `dryRun` what it would be; its bytes are 0 then. */
export interface TopicFork {
  readonly name: string;
  readonly forkOf: string;
  /** In the order of their numbers. */
  readonly partitions: readonly ForkedPartition[];
}

/** Each has about 16 MiB in memory, a few times. */
const PARTITIONS = 4;
/** Deletions of the same name in a row that we finish first. */
const MAX_ROUNDS = 8;

/**
 * Makes a topic whose partitions have the records of another one, under the same offsets, up to a point; with the settings of the other. Both live on independently. It has an isolation domain of its own, by which its objects are known.
 *
 * Objects of level 1 are copied by the store. What was not compacted yet, and the chunk that the point lies in, is read and written. Partitions are forked one after another, each up to the offset that was looked up when all of it
 * began; what retention drops of the source meanwhile is missing at the beginning of the fork, never in its middle.
 *
 * A fork that is interrupted leaves its topic in the state `creating`: delete it, and fork again. Throws, before anything is written, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, TOPIC_ALREADY_EXISTS;
 * later what `PartitionFork.run` throws.
 */
export async function forkTopic(deps: MaintenanceDeps, request: ForkRequest): Promise<TopicFork> {
  const { source: sourceName, name, at, dryRun = false } = request;
  parseTopicName(name);
  const source = await findTopic(deps, sourceName);
  await checkFree(deps, name);
  const cuts = await planFork(deps, source, at);
  if (dryRun) {
    const partitions = cuts.map(({ partition, start, end }) => ({
      partition,
      logStartOffset: start,
      highWatermark: end,
      copiedBytes: 0,
      rewrittenBytes: 0,
    }));
    return { name, forkOf: sourceName, partitions };
  }
  const target = await createForkTopic(deps, source, name);
  const { clock, random, store } = deps;
  const ids = new UlidSource({ clock, random, serverClock: store.serverClock });
  const copies = new CopiedObjects(deps, ids, new Map(cuts.map(({ partition, end }) => [partition, end])));
  const partitions = await mapInParallel(cuts, PARTITIONS, (cut) =>
    new PartitionFork(deps, { source, target, cut, ids, copies }).run(),
  );
  await openTopic(deps, target);
  return { name, forkOf: sourceName, partitions };
}

async function checkFree(deps: MaintenanceDeps, name: string): Promise<void> {
  const { answer: existing } = await repeatRequest(deps, () => deps.store.topics.get(name));
  if (existing !== null && existing.state !== 'deleting') throw alreadyExists(existing);
}

async function createForkTopic(deps: MaintenanceDeps, source: Topic, name: string): Promise<Topic> {
  const attempted = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // A fresh id for each attempt: one that arrives late can only make a topic that nobody has ever seen.
    const { answer } = await repeatRequest(deps, () => {
      const topic = newFork(deps, source, name);
      attempted.add(topic.topicId);
      return deps.store.topics.create(topic);
    });
    if (answer.outcome === 'done') return answer.item;
    const existing = answer.item;
    if (existing === undefined) continue;
    if (existing.state === 'creating' && attempted.has(existing.topicId)) return existing;
    if (existing.state !== 'deleting') throw alreadyExists(existing);
    await finishDeletion(deps, existing);
  }
  throw topicBusy(name, 'is being made and deleted by others all the time');
}

function newFork({ clock, random }: MaintenanceDeps, source: Topic, name: string): Topic {
  const topicId = freshUuid(random);
  return {
    name,
    topicId,
    partitionCount: source.readyPartitionCount,
    readyPartitionCount: 0,
    state: 'creating',
    domain: ownDomain(topicId),
    config: source.config,
    createdAtMs: Math.floor(clock.nowMs()),
    forkOf: source.name,
    version: 1,
  };
}
