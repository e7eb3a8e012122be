/**
 * The administration of subscriptions of functions.
 *
 * Bad input is refused before anything is written; whatever is interrupted can be done again.
 */
import { hasCode, MillraceError } from '../errors.ts';
import { deleteGroup } from '../group/delete-group.ts';
import { describeGroup, type GroupPartitionDescription } from '../group/describe-group.ts';
import type { GroupTopic } from '../group/group.ts';
import { findTopic } from '../log/find-topic.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { nearestName } from '../nearest-name.ts';
import { findInListing, findRetries, findSubscription } from './find-subscription.ts';
import { checkReadable, type FunctionSubscription } from './function-subscription.ts';
import type { Lease } from './lease.ts';
import { type Progress, parseProgress } from './progress.ts';
import { parseSchedule } from './redrive-schedule.ts';
import { removeReplay } from './remove-replay.ts';
import { alignRetries, makeRedrive, makeRetries } from './retry-subscriptions.ts';
import { deadLetterGroup, replayFailuresTopic, retryGroups } from './retry-topics.ts';
import { type SeekLeasesRequest, type SoughtLease, seekLeases, setStarts } from './seek-leases.ts';
import { type SubscriptionLag, summarizeLag } from './subscription-lag.ts';
import { MAX_RETRY_DELAYS, type SubscriptionOptions, subscriptionOptions } from './subscription-options.ts';
import {
  checkDestination,
  makeFailureTopics,
  makeGroup,
  makeTopic,
  ringAll,
  ringPartitions,
  type SubscriptionAdminDeps,
} from './subscription-parts.ts';
import {
  type CreateSubscriptionRequest,
  checkNoLoop,
  parseSubscriptionName,
  parseTarget,
} from './subscription-request.ts';
import { allSubscriptions } from './sweeper.ts';

/** How a subscription is in one partition. */
export interface SubscriptionPartition
  extends Pick<
    GroupPartitionDescription,
    'partition' | 'committed' | 'highWatermark' | 'logStartOffset' | 'lag' | 'lagMs'
  > {
  /** working: a worker has the lease. waiting: until `notBeforeMs`. limited: for a limit of calls or records, until then at the latest. resting: so many records failed in a row that it waits. idle: nothing is to be done, or a worker will come. */
  readonly state: 'working' | 'waiting' | 'limited' | 'resting' | 'idle';
  readonly notBeforeMs: number;
  /** Records that failed and wait. */
  readonly failed: number;
  /** What went wrong last; '' for nothing. */
  readonly error: string;
}

/** All there is to say about a subscription. */
export interface SubscriptionDescription extends FunctionSubscription {
  readonly partitions: readonly SubscriptionPartition[];
  /** Of all of them together. */
  readonly lag: SubscriptionLag;
  /** Its retry topics, by tier. */
  readonly retries: readonly FunctionSubscription[];
}

/** Offsets of one query. */
const PAGE = 500;

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
   * Throws INVALID_REQUEST, INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION, SUBSCRIPTION_ALREADY_EXISTS, NON_EMPTY_GROUP, and what keeps a destination that is no topic from being reached.
   */
  async create(request: CreateSubscriptionRequest): Promise<FunctionSubscription> {
    const { startingPosition = 'TRIM_HORIZON' } = request;
    const name = parseSubscriptionName(request.name);
    const target = parseTarget(request.target);
    const options = subscriptionOptions(request.options ?? {}, name);
    checkNoLoop(request.topic, name, options);
    this.#checkSchedule(options);
    const topic = await findTopic(this.#deps, request.topic);
    const { topicId, domain } = topic;
    const subscription = { group: name, topic: topic.name, topicId, domain, version: 0, target, options, retry: null };
    await checkDestination(this.#deps, options.onFailure);
    // One whose group was deleted while it was made is found by listing alone.
    const existing = (await findSubscription(this.#deps, name)) ?? (await findInListing(this.#deps, name));
    if (existing !== null) {
      // Whoever made it may have ended before anybody was told.
      if (existing.options.enabled) await ringAll(this.#deps, existing, topic.readyPartitionCount);
      throw alreadyExists(name);
    }
    await makeFailureTopics(this.#deps, name, topic, options);
    const others = await makeGroup(this.#deps, name, topic);
    await setStarts(this.#deps, subscription, topic, startingPosition);
    await makeRetries(this.#deps, subscription);
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.create(subscription));
    const isOurs = JSON.stringify(answer.item) === JSON.stringify(subscription);
    if (answer.outcome === 'refused' && !isOurs) {
      // What belongs to it was made as we wished it.
      if (answer.item !== undefined) await alignRetries(this.#deps, answer.item);
      throw alreadyExists(name);
    }
    await this.#keepName(subscription, others);
    await ringAll(this.#deps, subscription, topic.readyPartitionCount);
    return subscription;
  }

  #checkSchedule({ redrive }: SubscriptionOptions): void {
    if (redrive === null || parseSchedule(redrive.schedule).nextMs(this.#deps.clock.nowMs()) !== null) return;
    throw new MillraceError('INVALID_CONFIG', `the schedule ${redrive.schedule} never comes`, {
      value: redrive.schedule,
      hint: 'Give a day that there is, and a year that is not over.',
    });
  }

  /** Of two that are made at once under one name for different topics at most one stays: the one whose topic the group names last, unless the other was there before. */
  async #keepName(ours: FunctionSubscription, others: readonly GroupTopic[]): Promise<void> {
    const { subscriptions } = this.#deps.store;
    for (const { name: topic, topicId, partitionCount } of others) {
      const { answer: other } = await repeatRequest(this.#deps, () =>
        subscriptions.get({ topicId, group: ours.group }),
      );
      if (other === null) continue;
      await this.#remove(ours);
      await makeGroup(this.#deps, ours.group, { name: topic, topicId, readyPartitionCount: partitionCount });
      throw alreadyExists(ours.group);
    }
    const named = await findSubscription(this.#deps, ours.group);
    if (named === null || named.topicId === ours.topicId) return;
    await this.#remove(ours);
    throw alreadyExists(ours.group);
  }

  /** All subscriptions by name, without those of retry topics. */
  async list(): Promise<readonly FunctionSubscription[]> {
    const all = await allSubscriptions(this.#deps);
    return all
      .filter(({ retry, replay }) => retry === null && replay === undefined)
      .sort((left, right) => (left.group < right.group ? -1 : 1));
  }

  /** Throws SUBSCRIPTION_NOT_FOUND with the nearest name. */
  async get(name: string): Promise<FunctionSubscription> {
    const found = await findSubscription(this.#deps, parseSubscriptionName(name));
    // One that was deleted while it was made may be without its group.
    const all = found === null ? await this.list() : [found];
    const named = all.find(({ group }) => group === name);
    if (named !== undefined) return named;
    throw notFound(name, all);
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
      lag: summarizeLag(partitions),
      retries: (await findRetries(this.#deps, name)).filter(({ retry }) => retry!.tier >= 0),
    };
  }

  /** Changes options, and the target if one is given; the rest stays. Nothing is made again. Throws SUBSCRIPTION_NOT_FOUND, INVALID_CONFIG. */
  async update(
    name: string,
    changes: Partial<SubscriptionOptions> & { readonly target?: string },
  ): Promise<FunctionSubscription> {
    const { target, ...options } = changes;
    await checkDestination(this.#deps, options.onFailure);
    for (let round = 0; ; round++) {
      const current = round === 0 ? await this.get(name) : await this.#stillThere(name);
      checkReadable(current);
      const changed = {
        ...current,
        target: parseTarget(target ?? current.target),
        options: subscriptionOptions({ ...current.options, ...options }, name),
      };
      checkNoLoop(current.topic, name, changed.options);
      this.#checkSchedule(changed.options);
      const topic = await findTopic(this.#deps, current.topic);
      await makeFailureTopics(this.#deps, name, topic, changed.options);
      await makeRetries(this.#deps, changed);
      const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.update(changed));
      if (answer.outcome === 'refused') continue;
      // Somebody may have made one of them meanwhile, as it was before.
      await alignRetries(this.#deps, answer.item);
      if (changed.options.enabled) await ringAll(this.#deps, changed, topic.readyPartitionCount);
      return answer.item;
    }
  }

  /** Of one that was there: whoever deleted it meanwhile has not seen what we have made for it. */
  async #stillThere(name: string): Promise<FunctionSubscription> {
    try {
      return await this.get(name);
    } catch (error) {
      if (hasCode(error, 'SUBSCRIPTION_NOT_FOUND')) await this.delete(name).catch(ignoreNotFound);
      throw error;
    }
  }

  /** Calls the function no more, until it is resumed. A batch that is being handled is settled; a worker notices within about a second, before it gives out another one. */
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
      await ringPartitions(
        this.#deps,
        subscription,
        sought.map(({ partition }) => partition),
      );
    return sought;
  }

  /** Deletes a subscription with its progress; also what an interrupted deletion or creation has left of it. The topics for what failed stay, with what is in them. Throws SUBSCRIPTION_NOT_FOUND. */
  async delete(name: string): Promise<void> {
    const hasGroup = await this.#hasGroup(name);
    // A creation that was interrupted may reach the store after a deletion: then it is without its group, and found by listing alone.
    const listed = hasGroup ? [] : await allSubscriptions(this.#deps);
    const own = listed.filter(({ group, retry }) => group === name || retry?.of === name);
    const isLeft = hasGroup || own.length > 0 || (await this.#hasRetriesLeft(name));
    if (!isLeft) throw notFound(name, listed);
    // First the subscription, so that nobody works without its group; last the group, so that all of it can be done again.
    const found = async (one: string) =>
      (await findSubscription(this.#deps, one)) ?? own.find(({ group }) => group === one) ?? null;
    const subscription = await found(name);
    if (subscription !== null) await this.#remove(subscription);
    // Behind it, so that none can be begun any more.
    await this.#removeReplays(name, subscription);
    for (const one of retryGroups(name, MAX_RETRY_DELAYS)) {
      const retries = await found(one);
      if (retries !== null && retries.retry?.of !== name) continue;
      if (retries !== null) await this.#remove(retries);
      await this.#deleteGroup(one);
    }
    await this.#forgetDeadLetters(name);
    await repeatRequest(this.#deps, () => this.#deps.store.limits.remove(name));
    await this.#deleteGroup(name);
  }

  /** The group remembers the topic when the subscription itself is gone. */
  async #removeReplays(name: string, subscription: FunctionSubscription | null): Promise<void> {
    const { groups, subscriptions } = this.#deps.store;
    const { answer: group } = await repeatRequest(this.#deps, () => groups.get(name));
    const topics = [...(group?.topics ?? []), ...(subscription === null ? [] : [subscription])];
    for (const topicId of new Set(topics.map((topic) => topic.topicId))) {
      const { answer: all } = await repeatRequest(this.#deps, () => subscriptions.listOfTopic(topicId));
      for (const one of all) if (one.replay?.of === name) await removeReplay(this.#deps, one);
    }
  }

  async #remove(subscription: FunctionSubscription): Promise<void> {
    await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.remove(subscription));
  }

  async #hasGroup(name: string): Promise<boolean> {
    const { answer: group } = await repeatRequest(this.#deps, () => this.#deps.store.groups.get(name));
    return group?.kind === 'subscription';
  }

  /** Also a group alone: a creation that was interrupted may reach the store after the deletion. */
  async #hasRetriesLeft(name: string): Promise<boolean> {
    for (const one of retryGroups(name, MAX_RETRY_DELAYS)) {
      if (!(await this.#hasGroup(one))) continue;
      const found = await findSubscription(this.#deps, one);
      if (found === null || found.retry?.of === name) return true;
    }
    return false;
  }

  async #deleteGroup(name: string): Promise<void> {
    if (!(await this.#hasGroup(name))) return;
    await deleteGroup(this.#deps, name, 'subscription').catch((error: unknown) => {
      if (!hasCode(error, 'GROUP_ID_NOT_FOUND')) throw error;
    });
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

  /** The subscription by which dead letters come back, and its topic: for whoever sends one back. */
  async makeRedrive(name: string): Promise<void> {
    for (let of = await this.get(name); ; ) {
      await makeRedrive(this.#deps, of);
      const now = await this.#stillThere(name);
      if (now.version === of.version) return;
      // Whoever changed it meanwhile has not seen what we have made.
      of = now;
    }
  }

  /** The topic of what a replay gives up, before there is one: for whoever has to grant the right to it. Throws SUBSCRIPTION_NOT_FOUND, UNKNOWN_TOPIC_OR_PARTITION. */
  async makeReplayFailures(name: string): Promise<void> {
    const { topic } = await this.get(name);
    const { domain } = await findTopic(this.#deps, topic);
    await makeTopic(this.#deps, replayFailuresTopic(name), 1, domain);
  }
}

function ignoreNotFound(error: unknown): void {
  if (!hasCode(error, 'SUBSCRIPTION_NOT_FOUND')) throw error;
}

function leaseState(
  lease: Lease | null,
  nowMs: number,
): Pick<SubscriptionPartition, 'state' | 'notBeforeMs' | 'failed' | 'error'> {
  const progress: Progress = parseProgress(lease?.progress ?? '');
  const notBeforeMs = lease?.notBeforeMs ?? 0;
  const isWorking = lease !== null && lease.expiresAtMs > nowMs;
  const isResting = progress.givenUpInARow > 0 && progress.failed.length > 0;
  const isLimited = progress.waitsForSlot || progress.reserved !== null;
  const why = isLimited ? 'limited' : isResting ? 'resting' : 'waiting';
  const waiting = notBeforeMs > nowMs ? why : 'idle';
  const { error } = progress;
  return { state: isWorking ? 'working' : waiting, notBeforeMs, failed: progress.failed.length, error };
}

function alreadyExists(name: string): MillraceError {
  return new MillraceError('SUBSCRIPTION_ALREADY_EXISTS', `subscription ${name} exists already`, {
    value: name,
    hint: 'Update it, or choose another name.',
  });
}

function notFound(name: string, all: readonly FunctionSubscription[]): MillraceError {
  const nearest = nearestName(
    name,
    all.map(({ group }) => group),
  );
  return new MillraceError('SUBSCRIPTION_NOT_FOUND', `there is no subscription ${name}`, {
    value: name,
    hint: nearest === undefined ? 'Create it.' : `Did you mean ${nearest}?`,
  });
}
