import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ownDomain, ownerOfDomain, parseDomain } from '../segment/domain.ts';
import { checkTopicConfig } from './check-topic-config.ts';
import { createMissingHeads } from './create-heads.ts';
import { finishDeletion } from './delete-topic.ts';
import { type TopicDeps, topicBusy } from './find-topic.ts';
import { freshUuid } from './fresh-uuid.ts';
import { checkOptionNames } from './option-names.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';
import { parseTopicName } from './topic-name.ts';

/** How a topic is to be. */
export interface CreateTopicRequest {
  /** 1 to 249 of `a-zA-Z0-9._-`, not `.` or `..`. */
  readonly name: string;
  /** 1 to 100,000; default 1. More can be added later, never fewer. */
  readonly partitionCount?: number;
  /** Overrides by Kafka's names; default none. */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * Isolation domain: topics of one domain share segment objects, and so their readers. `shared` (the default), `own` (a domain of this topic alone), or a name:
   * 1 to 64 of `a-z0-9-`. It never changes.
   */
  readonly domain?: string;
}

type Shape = Required<CreateTopicRequest>;

const OPTIONS: readonly (keyof CreateTopicRequest)[] = ['name', 'partitionCount', 'config', 'domain'];
const OWN_DOMAIN = 'own';
/** Deletions of the same name in a row that we finish first. */
const MAX_ROUNDS = 8;

/** Checks a number of partitions and returns it. Throws INVALID_PARTITIONS. */
export function parsePartitionCount(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= limits.partitionsPerTopic) return count;
  throw new MillraceError('INVALID_PARTITIONS', `a topic cannot have ${String(count)} partitions`, {
    value: count,
    hint: `Give an integer from 1 to ${limits.partitionsPerTopic}.`,
  });
}

function parseOwnableDomain(domain: string): string {
  if (ownerOfDomain(parseDomain(domain)) === null) return domain;
  throw new MillraceError('INVALID_REQUEST', `the isolation domain ${domain} belongs to one topic alone`, {
    value: domain,
    hint: 'Choose a name that does not begin with "t-" and a topic id, or "own".',
  });
}

function parseRequest(request: CreateTopicRequest): Shape {
  checkOptionNames(request, OPTIONS);
  const { name, partitionCount = 1, config = {}, domain = 'shared' } = request;
  parseTopicName(name);
  parsePartitionCount(partitionCount);
  checkTopicConfig(config);
  return { name, partitionCount, config, domain: parseOwnableDomain(domain) };
}

const domainOf = (shape: Shape, topicId: string): string =>
  shape.domain === OWN_DOMAIN ? ownDomain(topicId) : shape.domain;

function newTopic(deps: TopicDeps, shape: Shape): Topic {
  const topicId = freshUuid(deps.random);
  return {
    name: shape.name,
    topicId,
    partitionCount: shape.partitionCount,
    readyPartitionCount: 0,
    state: 'creating',
    domain: domainOf(shape, topicId),
    config: shape.config,
    createdAtMs: Math.floor(deps.clock.nowMs()),
    version: 1,
  };
}

function sameConfig(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function hasShape(topic: Topic, shape: Shape): boolean {
  // A fork that is half made has chunks already: empty heads would hide them.
  if (topic.forkOf !== undefined) return false;
  const sameSize = topic.partitionCount === shape.partitionCount;
  return sameSize && topic.domain === domainOf(shape, topic.topicId) && sameConfig(topic.config, shape.config);
}

/** The error when a name is taken by a topic that somebody else has made. */
export function alreadyExists(topic: Topic): MillraceError {
  const halfMade = topic.state === 'creating';
  const count = topic.partitionCount;
  return new MillraceError(
    'TOPIC_ALREADY_EXISTS',
    `topic ${topic.name} exists already${halfMade ? `, half made, with ${count} partitions and other settings` : ''}`,
    {
      value: topic.name,
      hint: halfMade
        ? 'If its creation was interrupted, delete it first. Otherwise wait until it is there.'
        : 'Use it as it is, alter it, or choose another name.',
    },
  );
}

/** What a topic that stands in the way means; null: it is out of the way, try again. */
async function decideExisting(deps: TopicDeps, shape: Shape, existing: Topic, isOurs: boolean): Promise<Topic | null> {
  switch (existing.state) {
    case 'active':
      if (isOurs) return existing;
      throw alreadyExists(existing);
    case 'creating':
      if (isOurs || hasShape(existing, shape)) return createMissingHeads(deps, existing);
      throw alreadyExists(existing);
    case 'deleting':
      // Making it once more would be a second creation for one request.
      if (isOurs) throw topicBusy(existing.name, 'was deleted while it was being made');
      await finishDeletion(deps, existing);
      return null;
  }
}

/**
 * Creates a topic: its item (state `creating`), then its heads, then state `active`. Every step is conditional, so a crash leaves a half-made topic, which the same
 * request completes and a deletion removes. A topic of that name that is being deleted is deleted first; the new one has another id, so nothing of the old one
 * can show.
 *
 * Two equal requests at once may both succeed, with the same topic.
 *
 * Requests: one transaction of 3 items, one for 98 partitions (8 in flight), 1 update, 1 read. Throws, before anything is written, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS,
 * INVALID_CONFIG, INVALID_REQUEST (domain, options); TOPIC_ALREADY_EXISTS; TOPIC_BUSY when it is deleted meanwhile; what the store throws, after ten attempts.
 */
export async function createTopic(deps: TopicDeps, request: CreateTopicRequest): Promise<Topic> {
  const shape = parseRequest(request);
  const attempted = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // A fresh id for each attempt: one that arrives late, even after a deletion, can only make a topic that nobody has ever seen.
    const { answer } = await repeatRequest(deps, () => {
      const topic = newTopic(deps, shape);
      attempted.add(topic.topicId);
      return deps.store.topics.create(topic);
    });
    if (answer.outcome === 'done') return createMissingHeads(deps, answer.item);
    const existing = answer.item;
    const topic = existing && (await decideExisting(deps, shape, existing, attempted.has(existing.topicId)));
    if (topic) return topic;
  }
  throw topicBusy(shape.name, 'is being made and deleted by others all the time');
}
