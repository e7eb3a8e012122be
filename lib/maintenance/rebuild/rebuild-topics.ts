/** The topics of a rebuilding: what they are called, their items, and when they can be used. */
import { MillraceError } from '../../errors.ts';
import { alreadyExists, parsePartitionCount } from '../../log/create-topic.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import { parseTopicName } from '../../log/topic-name.ts';
import type { Topics } from '../../log/topics.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { readOrDamage } from '../read-or-damage.ts';
import type { OnDamagedItem } from './damaged.ts';
import type { SurveyedTopic } from './survey.ts';

/** What somebody knows of a topic. */
export interface NamedTopic {
  readonly name: string;
  /** As many as it had, at least those that objects tell of. Default: those. */
  readonly partitionCount?: number;
}

/** What is known of topics, by their ids. */
export type NamedTopics = ReadonlyMap<string, NamedTopic>;

/** Names of one listing. */
const NAMES = 1_000;
/** Of a topic whose settings nobody knows: nothing of it goes by itself. */
const KEEP_ALL = { 'retention.ms': '-1', 'retention.bytes': '-1' };

/** Checks names before anything is done. Throws INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_REQUEST. */
export function checkNames(named: NamedTopics): void {
  const names = new Set<string>();
  for (const { name, partitionCount } of named.values()) {
    parseTopicName(name);
    if (partitionCount !== undefined) parsePartitionCount(partitionCount);
    if (names.has(name))
      throw refused(`two topics cannot both be called ${name}`, name, 'Give each a name of its own.');
    names.add(name);
  }
}

/** The topics that are to be made, in the order of their ids: those that objects or old tables tell of. Throws INVALID_REQUEST for a name of one that is in neither, or that another has, and INVALID_PARTITIONS for too few partitions. */
export function planTopics(
  surveyed: ReadonlyMap<string, SurveyedTopic>,
  named: NamedTopics,
  old: ReadonlyMap<string, Topic>,
): readonly PlannedTopic[] {
  const ids = [...new Set([...surveyed.keys(), ...old.keys()])].sort();
  for (const topicId of named.keys()) {
    if (!ids.includes(topicId))
      throw refused(
        `no object has anything of a topic ${topicId}`,
        topicId,
        'millrace rebuild --dry-run tells all there are.',
      );
  }
  const planned = ids.map((topicId) => planTopic(surveyed.get(topicId), named.get(topicId), old.get(topicId)));
  const names = new Set<string>();
  for (const { topic } of planned) {
    if (names.has(topic.name))
      throw refused(
        `two topics would be called ${topic.name}`,
        topic.name,
        'Give another name to one of them, with --topic.',
      );
    names.add(topic.name);
  }
  return planned;
}

/** A topic that is to be made. */
export interface PlannedTopic {
  readonly topic: Topic;
  /** Whether anybody has told its name. */
  readonly isNamed: boolean;
  /** Whether old tables have told its settings. */
  readonly hasSettings: boolean;
}

function planTopic(
  surveyed: SurveyedTopic | undefined,
  named: NamedTopic | undefined,
  old: Topic | undefined,
): PlannedTopic {
  const { topicId, domain } = (old ?? surveyed)!;
  const least = [...(surveyed?.partitions.keys() ?? [])].reduce((most, partition) => Math.max(most, partition + 1), 1);
  const known = named?.partitionCount ?? Math.max(least, old?.partitionCount ?? 1);
  if (known < least) throw tooFew(topicId, known, least);
  const topic: Topic = {
    name: named?.name ?? old?.name ?? `recovered-${topicId}`,
    topicId,
    partitionCount: parsePartitionCount(known),
    readyPartitionCount: 0,
    state: 'creating',
    domain,
    config: old?.config ?? KEEP_ALL,
    createdAtMs: old?.createdAtMs ?? surveyed!.sinceMs,
    version: (old?.version ?? 0) + 1,
    ...(old?.forkOf !== undefined && { forkOf: old.forkOf }),
  };
  return { topic, isNamed: named !== undefined || old !== undefined, hasSettings: old !== undefined };
}

/** All topics of a store, by their ids. A listing for 1,000, a read for each. What is damaged is told and left out; without `onDamage` it is thrown. */
export async function readTopics(
  deps: MaintenanceDeps,
  topics: Pick<Topics, 'get' | 'list'>,
  onDamage?: OnDamagedItem,
): Promise<ReadonlyMap<string, Topic>> {
  const found = new Map<string, Topic>();
  let after: string | null = null;
  for (;;) {
    const names = await listNames(deps, topics, after);
    for (const name of names) {
      const read = await readOrDamage(deps, () => topics.get(name));
      if ('damage' in read) {
        if (onDamage === undefined) throw read.damage;
        onDamage(`topic ${name}`, read.damage);
      } else if (read.answer !== null) found.set(read.answer.topicId, read.answer);
    }
    if (names.length === 0) return found;
    after = names.at(-1)!;
  }
}

async function listNames(
  deps: MaintenanceDeps,
  topics: Pick<Topics, 'list'>,
  after: string | null,
): Promise<readonly string[]> {
  return (await repeatRequest(deps, () => topics.list(after, NAMES))).answer;
}

/** Makes the item of a topic. It may be there from a run that was killed. Throws TOPIC_ALREADY_EXISTS. */
export async function makeTopic(deps: MaintenanceDeps, topic: Topic): Promise<Topic> {
  const { answer } = await repeatRequest(deps, () => deps.store.topics.create(topic));
  if (answer.outcome === 'done' || answer.item?.topicId === topic.topicId) return answer.item!;
  if (answer.item !== undefined) throw alreadyExists(answer.item);
  throw refused(
    `topic ${topic.topicId} was deleted from this store before`,
    topic.topicId,
    'Rebuild into empty tables.',
  );
}

function tooFew(topicId: string, count: number, least: number): MillraceError {
  return new MillraceError('INVALID_PARTITIONS', `topic ${topicId} has had ${least} partitions or more, not ${count}`, {
    value: count,
    hint: `Give ${least} or more.`,
  });
}

function refused(problem: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', problem, { value, hint });
}
