/** The subscriptions that belong to one: to its retry topics, and to what comes back from its dead letters. Each calls the same function; all steps may be done again. */
import { MillraceError } from '../errors.ts';
import { findTopic } from '../log/find-topic.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { parseDestination } from './failure-destination.ts';
import { findRetries, findSubscription } from './find-subscription.ts';
import { DEAD_LETTER_TIER, type FunctionSubscription } from './function-subscription.ts';
import { deadLetterGroup, redriveTopic, retryTopic } from './retry-topics.ts';
import { setStarts } from './seek-leases.ts';
import type { SubscriptionOptions } from './subscription-options.ts';
import { makeGroup, makeTopic, ringAll, type SubscriptionAdminDeps } from './subscription-parts.ts';

/** One subscription for each retry topic, for what comes back from the dead letters if there is one, and for the dead letters if they go back by themselves. Those of delays that are gone stay, for what waits there. */
export async function makeRetries(deps: SubscriptionAdminDeps, of: FunctionSubscription): Promise<void> {
  const before = await findRetries(deps, of.group);
  const count = of.options.retryDelaysMs.length;
  for (let tier = 1; tier <= count; tier++) {
    await makeTier(deps, of, await findTopic(deps, retryTopic(of.group, tier)), tier);
  }
  for (const { topic: name, retry } of before) {
    const { tier } = retry!;
    if (tier === DEAD_LETTER_TIER || (tier > 0 && tier <= count)) continue;
    const topic = await findTopic(deps, name).catch(ignoreGone);
    if (topic !== null) await makeTier(deps, of, topic, tier);
  }
  const { redrive, onFailure } = of.options;
  const destination = redrive === null ? null : parseDestination(onFailure);
  if (destination?.kind !== 'topic') return alignRetries(deps, of);
  await makeRedrive(deps, of);
  await makeTier(deps, of, await findTopic(deps, destination.topic), DEAD_LETTER_TIER);
}

/** Makes what belongs to a subscription say what it says, where it says something else: for whoever has changed the one while somebody made the other. */
export async function alignRetries(deps: SubscriptionAdminDeps, of: FunctionSubscription): Promise<void> {
  for (const found of await findRetries(deps, of.group)) {
    const { tier } = found.retry!;
    const wanted = { ...found, target: of.target, options: tierOptions(of, tier) };
    if (isSame(wanted, found)) continue;
    await writeTier(deps, wanted, found);
    const topic = await findTopic(deps, found.topic).catch(ignoreGone);
    if (wanted.options.enabled && topic !== null) await ringAll(deps, wanted, topic.readyPartitionCount);
  }
}

/** The subscription by which dead letters come back, and its topic: for whoever sends one back. */
export async function makeRedrive(deps: SubscriptionAdminDeps, of: FunctionSubscription): Promise<void> {
  const source = await findTopic(deps, of.topic);
  await makeTopic(deps, redriveTopic(of.group), source.partitionCount, source.domain);
  await makeTier(deps, of, await findTopic(deps, redriveTopic(of.group)), 0);
}

function tierOptions({ options }: FunctionSubscription, tier: number): SubscriptionOptions {
  const common = { ...options, filters: [], maxBatchingWindowMs: 0, retryAttempts: 0 };
  if (tier !== DEAD_LETTER_TIER) return { ...common, redrive: null };
  // Whoever sends them back hands them to nobody.
  return { ...common, mode: 'push', enabled: options.enabled && options.redrive !== null };
}

async function makeTier(
  deps: SubscriptionAdminDeps,
  of: FunctionSubscription,
  topic: Topic,
  tier: number,
): Promise<void> {
  const { topicId, domain, name } = topic;
  const group = tier === DEAD_LETTER_TIER ? deadLetterGroup(of.group) : name;
  const options = tierOptions(of, tier);
  const wanted = { ...of, group, topic: name, topicId, domain, options, retry: { of: of.group, tier } };
  // Before its group is made: where there is none, there is no subscription.
  const found = await findSubscription(deps, group);
  await makeGroup(deps, group, topic);
  await setStarts(deps, wanted, topic, 'TRIM_HORIZON');
  await writeTier(deps, wanted, found);
  if (options.enabled) await ringAll(deps, wanted, topic.readyPartitionCount);
}

/** Whoever changed it meanwhile may have meant other options: the last one to change the subscription itself writes all of them again. */
async function writeTier(
  deps: SubscriptionAdminDeps,
  wanted: FunctionSubscription,
  before: FunctionSubscription | null,
): Promise<void> {
  const { subscriptions } = deps.store;
  for (let found = before; ; found = await findSubscription(deps, wanted.group)) {
    const stale = found !== null && found.topicId !== wanted.topicId ? found : null;
    // Of a topic of that name that was deleted.
    if (stale !== null) await repeatRequest(deps, () => subscriptions.remove(stale));
    const existing = stale === null ? found : null;
    const changed = { ...wanted, version: existing?.version ?? 0 };
    if (existing !== null && isSame(existing, changed)) return;
    const write = () => (existing === null ? subscriptions.create(changed) : subscriptions.update(changed));
    const { answer } = await repeatRequest(deps, write);
    if (answer.outcome === 'done') return;
  }
}

function ignoreGone(error: unknown): null {
  if (error instanceof MillraceError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
  throw error;
}

function isSame(one: FunctionSubscription, other: FunctionSubscription): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
