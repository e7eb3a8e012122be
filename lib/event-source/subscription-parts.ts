/** What a subscription stands on: its topics, its group, and the bells that tell of it. Each step may be done again. */
import { MillraceError } from '../errors.ts';
import { changeGroup } from '../group/change-group.ts';
import { emptyGroup, type Group, type GroupTopic } from '../group/group.ts';
import { checkKind } from '../group/group-kind.ts';
import { limits } from '../limits.ts';
import { createTopic } from '../log/create-topic.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { ownerOfDomain } from '../segment/domain.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { SubscriptionStore } from './event-source-store.ts';
import { deadLetterTopicOf, parseDestination } from './failure-destination.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { onlyTopics } from './give-up.ts';
import type { NoticeSender } from './notice-sender.ts';
import { retryTopic } from './retry-topics.ts';
import type { SubscriptionOptions } from './subscription-options.ts';

/** What looking up needs. */
export interface SubscriptionDeps extends Pick<EventSourceDeps, 'clock' | 'random'> {
  readonly store: SubscriptionStore;
}

/** What changes need besides. */
export interface SubscriptionAdminDeps extends SubscriptionDeps {
  /** Knows whether destinations can be reached that are not topics. Absent: there are none here. */
  readonly destinations?: Pick<NoticeSender, 'check'>;
}

/** What was small enough for its topic has to fit here, with what is told of it. */
const ANY_SIZE = { 'max.message.bytes': `${limits.batchBytes}` };
/** Rings at once. */
const PARALLEL = 16;

/** Refuses a destination that cannot be reached from here: what fails would wait for it. Throws INVALID_CONFIG, and what `NoticeSender.check` throws. */
export async function checkDestination(
  { destinations }: SubscriptionAdminDeps,
  onFailure: string | null | undefined,
): Promise<void> {
  const destination = onFailure == null ? null : parseDestination(onFailure);
  if (destination === null || destination.kind === 'topic') return;
  if (destinations === undefined) throw onlyTopics(destination);
  await destinations.check(destination);
}

/** The topics for what fails: one for each delay, with as many partitions as the source, and that of the dead letters. */
export async function makeFailureTopics(
  deps: SubscriptionAdminDeps,
  name: string,
  { partitionCount, domain }: Topic,
  options: SubscriptionOptions,
): Promise<void> {
  const deadLetters = deadLetterTopicOf(options.onFailure, name);
  for (const tier of options.retryDelaysMs.keys()) {
    await makeTopic(deps, retryTopic(name, tier + 1), partitionCount, domain);
  }
  if (deadLetters !== null) await makeTopic(deps, deadLetters, 1, domain);
}

/** A topic, unless it is there, in the domain of another. */
export async function makeTopic(
  deps: SubscriptionAdminDeps,
  name: string,
  partitionCount: number,
  domain: string,
): Promise<void> {
  // A domain of one topic alone takes no other in.
  const isOwn = ownerOfDomain(domain) !== null;
  const request = { name, partitionCount, config: ANY_SIZE, domain: isOwn ? 'own' : domain };
  await createTopic(deps, request).catch((error: unknown) => {
    if (!(error instanceof MillraceError && error.code === 'TOPIC_ALREADY_EXISTS')) throw error;
  });
}

/**
 * The group of a subscription, which names its topic: whoever named it last has the name. Returns the topics for which somebody else has begun to use it. Throws INCONSISTENT_GROUP_PROTOCOL where consumers are in it.
 */
export async function makeGroup(
  deps: SubscriptionAdminDeps,
  name: string,
  { name: topic, topicId, readyPartitionCount }: Pick<Topic, 'name' | 'topicId' | 'readyPartitionCount'>,
): Promise<readonly GroupTopic[]> {
  const topics = [{ name: topic, topicId, partitionCount: readyPartitionCount }];
  let others: readonly GroupTopic[] = [];
  await changeGroup(deps, name, (group): Group | null => {
    if (group === null) return { ...emptyGroup(name, freshUuid(deps.random), 'subscription'), topics };
    if (group.members.length > 0) checkKind(group, 'subscription');
    const isOurs = group.kind === 'subscription' && group.topics.some((one) => one.topicId === topicId);
    if (isOurs) return null;
    if (group.kind === 'subscription') others = group.topics;
    return { ...group, kind: 'subscription', topics, coordination: null };
  });
  return others;
}

/** Has every partition of a subscription looked at. */
export function ringAll(deps: SubscriptionAdminDeps, of: FunctionSubscription, partitionCount: number): Promise<void> {
  return ringPartitions(deps, of, Array.from({ length: partitionCount }).keys());
}

/** Has these partitions of a subscription looked at. */
export async function ringPartitions(
  deps: SubscriptionAdminDeps,
  { group, topicId }: FunctionSubscription,
  partitions: Iterable<number>,
): Promise<void> {
  await inParallel(partitions, PARALLEL, async (partition) => {
    const stamp = freshUuid(deps.random);
    const bell = { group, partition: { topicId, partition } };
    await repeatRequest(deps, () => deps.store.bells.ring(bell, stamp));
  });
}
