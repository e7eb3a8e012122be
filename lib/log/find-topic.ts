/** Looks topics up for their administration, and says what is wrong when they are not there. */
import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';
import type { LogStore } from './log-store.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';
import { parseTopicName } from './topic-name.ts';

/** What every operation on topics needs. */
export interface TopicDeps {
  readonly store: Pick<LogStore, 'topics' | 'heads' | 'chunks'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Names that are compared to find the one that was meant: one request. */
const NAMES_COMPARED = 1_000;

/** The error for a topic that is not there; its hint is the nearest name among the first 1,000. */
export async function unknownTopic(deps: TopicDeps, name: string): Promise<MillraceError> {
  const { answer: names } = await repeatRequest(deps, () => deps.store.topics.list(null, NAMES_COMPARED));
  const nearest = nearestName(
    name,
    names.filter((other) => other !== name),
  );
  const meant = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
  return new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`, {
    value: name,
    hint: `Create it first.${meant} Topic names are case-sensitive.`,
  });
}

/** The error for a topic that is between two states. */
export function topicBusy(name: string, problem: string): MillraceError {
  return new MillraceError('TOPIC_BUSY', `topic ${name} ${problem}`, {
    value: name,
    hint: 'Describe it, and try again in a moment.',
  });
}

/**
 * A topic, which may be half made. Throws UNKNOWN_TOPIC_OR_PARTITION for one that is not there or is being deleted, INVALID_TOPIC_EXCEPTION for what can be
 * no name.
 */
export async function findTopicInMaking(deps: TopicDeps, name: string): Promise<Topic> {
  parseTopicName(name);
  const { answer: topic } = await repeatRequest(deps, () => deps.store.topics.get(name));
  if (topic === null || topic.state === 'deleting') throw await unknownTopic(deps, name);
  return topic;
}

/** A topic that can be used. As `findTopicInMaking`, and throws TOPIC_BUSY for one that is half made. */
export async function findTopic(deps: TopicDeps, name: string): Promise<Topic> {
  const topic = await findTopicInMaking(deps, name);
  if (topic.state === 'active') return topic;
  throw new MillraceError('TOPIC_BUSY', `topic ${name} is still being created`, {
    value: name,
    hint:
      topic.forkOf === undefined
        ? 'Try again in a moment. If its creation was interrupted, create it again with the same settings, or delete it.'
        : 'Try again in a moment. If the fork was interrupted, delete it, and fork again.',
  });
}
