/** Goes over all partitions of all topics, from where it was left; bounded memory for any number of them. */
import { asMillraceError, type MillraceError } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import type { Head } from '../log/head.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** How far a walk is: all topics before `topic` are done, and of it the partitions below `partition`. */
export interface WalkPlace {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

/** A head that was read consistently, or why it could not be. */
export interface WalkedHead {
  readonly partition: PartitionKey;
  readonly head: Head | MillraceError;
}

/** What is done on the way. Each is told where a walk goes on that ends behind it; false ends it. */
export interface Walker {
  /** Heads of one request. Default 100, DynamoDB's limit. */
  readonly headsAtOnce?: number;
  /** A topic begins. `skip`: its heads are not read. */
  readonly topic: (topic: Topic) => Promise<'heads' | 'skip' | 'stop'>;
  /** Some of its partitions: those that have a head, whatever state the topic is in. */
  readonly heads: (topic: Topic, heads: readonly WalkedHead[], place: WalkPlace) => Promise<'next' | 'stop'>;
  /** A topic whose item is damaged. */
  readonly unreadable: (name: string, error: MillraceError) => void;
}

/** Names of one listing. */
const NAMES = 100;
const HEADS = 100;

/** Whether it came to the end. Throws what the store throws after ten attempts. */
export async function walkTopics(deps: MaintenanceDeps, from: WalkPlace | null, walker: Walker): Promise<boolean> {
  if (from !== null && !(await walkTopic(deps, from.topic, from, walker))) return false;
  let after = from?.topic ?? null;
  for (;;) {
    const { answer: names } = await repeatRequest(deps, () => deps.store.topics.list(after, NAMES));
    if (names.length === 0) return true;
    for (const name of names) if (!(await walkTopic(deps, name, null, walker))) return false;
    after = names.at(-1)!;
  }
}

async function walkTopic(
  deps: MaintenanceDeps,
  name: string,
  from: WalkPlace | null,
  walker: Walker,
): Promise<boolean> {
  const topic = await readTopic(deps, name, walker);
  if (topic === null) return true;
  const step = await walker.topic(topic);
  if (step !== 'heads') return step === 'skip';
  const { topicId, partitionCount } = topic;
  // One of that name that was made again is another.
  let partition = from?.topicId === topicId ? from.partition : 0;
  while (partition < partitionCount) {
    const end = Math.min(partition + (walker.headsAtOnce ?? HEADS), partitionCount);
    const keys = Array.from({ length: end - partition }, (_, index) => ({ topicId, partition: partition + index }));
    const heads = await readHeads(deps, keys);
    partition = end;
    if ((await walker.heads(topic, heads, { topic: name, topicId, partition })) === 'stop') return false;
  }
  return true;
}

async function readTopic(deps: MaintenanceDeps, name: string, walker: Walker): Promise<Topic | null> {
  try {
    return (await repeatRequest(deps, () => deps.store.topics.get(name))).answer;
  } catch (cause) {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw error;
    walker.unreadable(name, error);
    return null;
  }
}

/** One damaged head does not hide its neighbours. */
async function readHeads(deps: MaintenanceDeps, keys: readonly PartitionKey[]): Promise<readonly WalkedHead[]> {
  const { heads } = deps.store;
  try {
    const { answer } = await repeatRequest(deps, () => heads.readMany(keys, { consistent: true }));
    return answer.flatMap((head, index) => (head === null ? [] : [{ partition: keys[index]!, head }]));
  } catch (cause) {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw error;
    if (keys.length === 1) return [{ partition: keys[0]!, head: error }];
  }
  const half = keys.length >> 1;
  return [...(await readHeads(deps, keys.slice(0, half))), ...(await readHeads(deps, keys.slice(half)))];
}
