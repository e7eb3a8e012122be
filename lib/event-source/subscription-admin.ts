/**
 * The administration of subscriptions of functions.
 *
 * Bad input is refused before anything is written; whatever is interrupted can be done again.
 */
import { MillraceError } from '../errors.ts';
import { changeGroup } from '../group/change-group.ts';
import { deleteGroup } from '../group/delete-group.ts';
import { describeGroup, type GroupPartitionDescription } from '../group/describe-group.ts';
import { emptyGroup, type Group } from '../group/group.ts';
import { checkKind } from '../group/group-kind.ts';
import { createTopic } from '../log/create-topic.ts';
import { findTopic } from '../log/find-topic.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { nearestName } from '../nearest-name.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import { parseDestination } from './failure-destination.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { Lease } from './lease.ts';
import { type Progress, parseProgress } from './progress.ts';
import { deadLetterGroup, redriveTopic, retryTopic } from './retry-topics.ts';
import { type SeekLeasesRequest, type SoughtLease, seekLeases, setStarts } from './seek-leases.ts';
import { type SubscriptionOptions, subscriptionOptions } from './subscription-options.ts';
import {
  type CreateSubscriptionRequest,
  checkNoLoop,
  parseSubscriptionName,
  parseTarget,
} from './subscription-request.ts';
import { allSubscriptions } from './sweeper.ts';

/** What administration needs. */
export type SubscriptionAdminDeps = Pick<EventSourceDeps, 'store' | 'clock' | 'random'>;

/** How a subscription is in one partition. */
export interface SubscriptionPartition
  extends Pick<
    GroupPartitionDescription,
    'partition' | 'committed' | 'highWatermark' | 'logStartOffset' | 'lag' | 'lagMs'
  > {
  /** working: a worker has the lease. waiting: until `notBeforeMs`. resting: so many records failed in a row that it waits. idle: nothing is to be done, or a worker will come. */
  readonly state: 'working' | 'waiting' | 'resting' | 'idle';
  readonly notBeforeMs: number;
  /** Records that failed and wait. */
  readonly failed: number;
  /** What went wrong last; '' for nothing. */
  readonly error: string;
}

/** All there is to say about a subscription. */
export interface SubscriptionDescription extends FunctionSubscription {
  readonly partitions: readonly SubscriptionPartition[];
  /** Its retry topics, by tier. */
  readonly retries: readonly FunctionSubscription[];
}

/** Offsets of one query. */
const PAGE = 500;
/** Rings at once. */
const PARALLEL = 16;

/** See the module comment. */
export class SubscriptionAdmin {
  readonly #deps: SubscriptionAdminDeps;

  constructor(deps: SubscriptionAdminDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a subscription, and the topics for what fails if they are not there. Where it begins is settled in numbers before it can be called. An empty group of consumers of its name becomes that of the subscription, which goes on where
   * they were.
   *
   * Throws INVALID_REQUEST, INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION, SUBSCRIPTION_ALREADY_EXISTS, NON_EMPTY_GROUP.
   */
  async create(request: CreateSubscriptionRequest): Promise<FunctionSubscription> {
    const { startingPosition = 'TRIM_HORIZON' } = request;
    const name = parseSubscriptionName(request.name);
    const target = parseTarget(request.target);
    const options = subscriptionOptions(request.options ?? {}, name);
    checkNoLoop(request.topic, name, options);
    const topic = await findTopic(this.#deps, request.topic);
    const { topicId, domain } = topic;
    const subscription = { group: name, topic: topic.name, topicId, domain, version: 0, target, options, retry: null };
    if ((await this.#find(name)) !== undefined) throw alreadyExists(name);
    await this.#makeTopics(name, topic, options);
    await this.#makeGroup(name, topic);
    await setStarts(this.#deps, subscription, topic, startingPosition);
    await this.#makeRetries(subscription);
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.create(subscription));
    const isOurs = JSON.stringify(answer.item) === JSON.stringify(subscription);
    if (answer.outcome === 'refused' && !isOurs) throw alreadyExists(name);
    await this.#ringAll(subscription, topic.readyPartitionCount);
    return subscription;
  }

  /** All subscriptions by name, without those of retry topics. */
  async list(): Promise<readonly FunctionSubscription[]> {
    const all = await allSubscriptions(this.#deps);
    return all.filter(({ retry }) => retry === null).sort((left, right) => (left.group < right.group ? -1 : 1));
  }

  /** Throws SUBSCRIPTION_NOT_FOUND with the nearest name. */
  async get(name: string): Promise<FunctionSubscription> {
    const found = await this.#find(parseSubscriptionName(name));
    if (found !== undefined) return found;
    const nearest = nearestName(
      name,
      (await this.list()).map(({ group }) => group),
    );
    throw new MillraceError('SUBSCRIPTION_NOT_FOUND', `there is no subscription ${name}`, {
      value: name,
      hint: nearest === undefined ? 'Create it.' : `Did you mean ${nearest}?`,
    });
  }

  /** The subscription with how far it is. Throws SUBSCRIPTION_NOT_FOUND. */
  async describe(name: string): Promise<SubscriptionDescription> {
    const subscription = await this.get(name);
    const { partitions } = await describeGroup(this.#deps, name);
    const places = partitions.map(({ partition }) => ({
      group: name,
      partition: { topicId: subscription.topicId, partition },
    }));
    const { answer: leases } = await repeatRequest(this.#deps, () => this.#deps.store.leases.readMany(places));
    const nowMs = this.#deps.clock.nowMs();
    return {
      ...subscription,
      partitions: partitions.map((one, index) => ({ ...one, ...leaseState(leases[index]!, nowMs) })),
      retries: await this.#retriesOf(name),
    };
  }

  /** Changes options, and the target if one is given; the rest stays. Nothing is made again. Throws SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG. */
  async update(
    name: string,
    changes: Partial<SubscriptionOptions> & { readonly target?: string },
  ): Promise<FunctionSubscription> {
    const { target, ...options } = changes;
    for (;;) {
      const current = await this.get(name);
      const changed = {
        ...current,
        target: parseTarget(target ?? current.target),
        options: subscriptionOptions({ ...current.options, ...options }, name),
      };
      checkNoLoop(current.topic, name, changed.options);
      const topic = await findTopic(this.#deps, current.topic);
      await this.#makeTopics(name, topic, changed.options);
      await this.#makeRetries(changed);
      const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.update(changed));
      if (answer.outcome === 'refused') continue;
      if (changed.options.enabled) await this.#ringAll(changed, topic.readyPartitionCount);
      return answer.item;
    }
  }

  /** Calls the function no more, until it is resumed; a batch that is being handled is settled. */
  pause(name: string): Promise<FunctionSubscription> {
    return this.update(name, { enabled: false });
  }

  /** Calls the function again. */
  resume(name: string): Promise<FunctionSubscription> {
    return this.update(name, { enabled: true });
  }

  /** Moves the committed offsets, whoever works on them; what failed and waits is forgotten. Throws SUBSCRIPTION_NOT_FOUND, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION. */
  async seek(name: string, request: SeekLeasesRequest): Promise<readonly SoughtLease[]> {
    const subscription = await this.get(name);
    const topic = await findTopic(this.#deps, subscription.topic);
    const sought = await seekLeases(this.#deps, subscription, topic, request);
    if (request.dryRun !== true)
      await this.#ring(
        subscription,
        sought.map(({ partition }) => partition),
      );
    return sought;
  }

  /** Deletes a subscription with its progress. The topics for what failed stay, with what is in them. Throws SUBSCRIPTION_NOT_FOUND. */
  async delete(name: string): Promise<void> {
    const subscription = await this.get(name);
    for (const one of [...(await this.#retriesOf(name)), subscription]) {
      await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.remove(one));
      await deleteGroup(this.#deps, one.group, 'subscription').catch(ignoreGone);
    }
    await this.#forgetDeadLetters(name);
  }

  /** How far its dead letters were done with: a subscription that is made again begins with all of them. */
  async #forgetDeadLetters(name: string): Promise<void> {
    const { offsets } = this.#deps.store;
    const group = deadLetterGroup(name);
    for (;;) {
      const { answer: page } = await repeatRequest(this.#deps, () => offsets.list(group, null, PAGE));
      if (page.length === 0) return;
      for (const { partition } of page) await repeatRequest(this.#deps, () => offsets.remove(group, partition));
    }
  }

  async #find(name: string): Promise<FunctionSubscription | undefined> {
    return (await allSubscriptions(this.#deps)).find(({ group }) => group === name);
  }

  async #retriesOf(name: string): Promise<readonly FunctionSubscription[]> {
    const all = await allSubscriptions(this.#deps);
    const tiers = all.filter(({ retry }) => retry?.of === name);
    return tiers.sort((left, right) => left.retry!.tier - right.retry!.tier);
  }

  async #makeTopics(name: string, { partitionCount, domain }: Topic, options: SubscriptionOptions): Promise<void> {
    const destination = options.onFailure === null ? null : parseDestination(options.onFailure);
    for (const tier of options.retryDelaysMs.keys()) {
      await this.#makeTopic(retryTopic(name, tier + 1), partitionCount, domain);
    }
    if (destination?.kind === 'topic') await this.#makeTopic(destination.topic, 1, domain);
  }

  async #makeTopic(name: string, partitionCount: number, domain: string): Promise<void> {
    // A domain of one topic alone takes no other in.
    const request = { name, partitionCount, domain: domain.startsWith('t-') ? 'own' : domain };
    await createTopic(this.#deps, request).catch((error: unknown) => {
      if (!(error instanceof MillraceError && error.code === 'TOPIC_ALREADY_EXISTS')) throw error;
    });
  }

  async #makeGroup(name: string, { name: topic, topicId, readyPartitionCount }: Topic): Promise<void> {
    const known = { name: topic, topicId, partitionCount: readyPartitionCount };
    await changeGroup(this.#deps, name, (group): Group | null => {
      if (group === null) return { ...emptyGroup(name, freshUuid(this.#deps.random), 'subscription'), topics: [known] };
      if (group.members.length > 0) checkKind(group, 'subscription');
      return group.kind === 'subscription'
        ? null
        : { ...group, kind: 'subscription', topics: [known], coordination: null };
    });
  }

  /** One subscription for each retry topic, and for what comes back from the dead letters. Those of delays that are gone stay, for what waits there. */
  async #makeRetries(of: FunctionSubscription): Promise<void> {
    const before = await this.#retriesOf(of.group);
    for (const tier of of.options.retryDelaysMs.keys()) {
      await this.#makeTier(of, await findTopic(this.#deps, retryTopic(of.group, tier + 1)), tier + 1, before);
    }
    if (before.some(({ retry }) => retry!.tier === 0)) {
      await this.#makeTier(of, await findTopic(this.#deps, redriveTopic(of.group)), 0, before);
    }
  }

  /** The subscription by which dead letters come back, and its topic: for whoever sends one back. */
  async makeRedrive(name: string): Promise<void> {
    const subscription = await this.get(name);
    const source = await findTopic(this.#deps, subscription.topic);
    await this.#makeTopic(redriveTopic(name), source.partitionCount, source.domain);
    const topic = await findTopic(this.#deps, redriveTopic(name));
    await this.#makeTier(subscription, topic, 0, await this.#retriesOf(name));
  }

  async #makeTier(
    of: FunctionSubscription,
    topic: Topic,
    tier: number,
    before: readonly FunctionSubscription[],
  ): Promise<void> {
    const { subscriptions } = this.#deps.store;
    const { topicId, domain, name: group } = topic;
    const options = { ...of.options, filters: [], maxBatchingWindowMs: 0, retryAttempts: 0 };
    const wanted = { ...of, group, topic: group, topicId, domain, options, retry: { of: of.group, tier } };
    await this.#makeGroup(group, topic);
    await setStarts(this.#deps, wanted, topic, 'TRIM_HORIZON');
    const existing = before.find((one) => one.group === group);
    const changed = { ...wanted, version: existing?.version ?? 0 };
    const write = () => (existing === undefined ? subscriptions.create(changed) : subscriptions.update(changed));
    await repeatRequest(this.#deps, write);
    if (options.enabled) await this.#ringAll(wanted, topic.readyPartitionCount);
  }

  async #ringAll(subscription: FunctionSubscription, partitionCount: number): Promise<void> {
    await this.#ring(subscription, Array.from({ length: partitionCount }).keys());
  }

  async #ring({ group, topicId }: FunctionSubscription, partitions: Iterable<number>): Promise<void> {
    await inParallel(partitions, PARALLEL, async (partition) => {
      const stamp = freshUuid(this.#deps.random);
      const bell = { group, partition: { topicId, partition } };
      await repeatRequest(this.#deps, () => this.#deps.store.bells.ring(bell, stamp));
    });
  }
}

function leaseState(
  lease: Lease | null,
  nowMs: number,
): Pick<SubscriptionPartition, 'state' | 'notBeforeMs' | 'failed' | 'error'> {
  const progress: Progress = parseProgress(lease?.progress ?? '');
  const notBeforeMs = lease?.notBeforeMs ?? 0;
  const isWorking = lease !== null && lease.expiresAtMs > nowMs;
  const isResting = progress.givenUpInARow > 0 && progress.failed.length > 0;
  const waiting = notBeforeMs > nowMs ? (isResting ? 'resting' : 'waiting') : 'idle';
  const { error } = progress;
  return { state: isWorking ? 'working' : waiting, notBeforeMs, failed: progress.failed.length, error };
}

function alreadyExists(name: string): MillraceError {
  return new MillraceError('SUBSCRIPTION_ALREADY_EXISTS', `subscription ${name} exists already`, {
    value: name,
    hint: 'Update it, or choose another name.',
  });
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof MillraceError && error.code === 'GROUP_ID_NOT_FOUND')) throw error;
}
