/** What a member wants to read: topics by name, or all whose name matches a pattern. */
import { MillraceError } from '../errors.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { parseTopicName } from '../log/topic-name.ts';
import type { GroupTopic } from './group.ts';
import type { GroupDeps } from './group-deps.ts';

/** A list of names, or a pattern that whole names are matched against. */
export type Subscription = readonly string[] | RegExp;

/** Topics that are read at once. */
const LOOKUPS = 16;
/** Names of one listing. */
const PAGE = 1_000;

/** Checks a subscription and returns a copy that nobody changes. Throws INVALID_REQUEST, INVALID_TOPIC_EXCEPTION, INVALID_REGULAR_EXPRESSION. */
export function parseSubscription(subscription: Subscription): Subscription {
  if (subscription instanceof RegExp) return checkPattern(subscription);
  if (Array.isArray(subscription) && subscription.length > 0) {
    return [...new Set(subscription.map(parseTopicName))].sort();
  }
  throw new MillraceError('INVALID_REQUEST', 'a subscription names no topics', {
    value: subscription,
    hint: "Give a list of names such as ['orders'], or a pattern such as /^orders-/.",
  });
}

/** `g` and `y` make a pattern remember where it was, so it would match a name only every other time. */
function checkPattern(pattern: RegExp): RegExp {
  if (!pattern.global && !pattern.sticky) return pattern;
  throw new MillraceError('INVALID_REGULAR_EXPRESSION', `the pattern ${String(pattern)} has the flag g or y`, {
    value: String(pattern),
    hint: `Leave it out: ${String(new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')))}`,
  });
}

/** A pattern from its source, as a command line has it. Throws INVALID_REGULAR_EXPRESSION. */
export function parsePattern(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (cause) {
    throw new MillraceError('INVALID_REGULAR_EXPRESSION', `not a pattern: ${(cause as Error).message}`, {
      value: source,
      hint: 'Write a JavaScript regular expression, such as ^orders-.',
      cause,
    });
  }
}

/** Names of the topics that a subscription means now, sorted. A pattern costs a listing. */
export async function subscribedNames(deps: GroupDeps, subscription: Subscription): Promise<readonly string[]> {
  if (!(subscription instanceof RegExp)) return subscription;
  const names: string[] = [];
  let after: string | undefined;
  do {
    const from = after ?? null;
    const { answer: page } = await repeatRequest(deps, () => deps.store.topics.list(from, PAGE));
    names.push(...page.filter((name) => subscription.test(name)));
    after = page.at(-1);
  } while (after !== undefined);
  return names.sort();
}

/** The topics of these names that can be read now, by name: one consistent read each. */
export async function readGroupTopics(deps: GroupDeps, names: Iterable<string>): Promise<readonly GroupTopic[]> {
  const topics: GroupTopic[] = [];
  await inParallel(names, LOOKUPS, async (name) => {
    const { answer: topic } = await repeatRequest(deps, () => deps.store.topics.get(name));
    const isReadable = topic !== null && topic.state !== 'deleting' && topic.readyPartitionCount > 0;
    if (isReadable) topics.push({ name, topicId: topic.topicId, partitionCount: topic.readyPartitionCount });
  });
  return topics.sort((left, right) => (left.name < right.name ? -1 : 1));
}
