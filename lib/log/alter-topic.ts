import { MillraceError } from '../errors.ts';
import { changeTopic } from './change-topic.ts';
import { parseSettingName } from './check-topic-config.ts';
import { findTopic, type TopicDeps, unknownTopic } from './find-topic.ts';
import { checkOptionNames } from './option-names.ts';
import type { Topic } from './topic.ts';
import { parseTopicConfig } from './topic-config.ts';

/** Changes of a topic's configuration; at least one. */
export interface TopicChanges {
  /** Overrides to set, by Kafka's names. */
  readonly set?: Readonly<Record<string, string>>;
  /** Overrides to take back: the default is valid again. One that is not set is taken back already. */
  readonly unset?: readonly string[];
}

function refuse(message: string, value: unknown, hint: string): never {
  throw new MillraceError('INVALID_CONFIG', message, { value, hint });
}

function checkChanges(changes: TopicChanges): Required<TopicChanges> {
  checkOptionNames(changes, ['set', 'unset']);
  const { set = {}, unset = [] } = changes;
  for (const name of Object.keys(set)) parseSettingName(name);
  if (!Array.isArray(unset)) refuse('unset is a list of names', unset, "Give, for example, ['retention.ms'].");
  for (const name of unset) parseSettingName(name);
  const both = unset.find((name) => Object.hasOwn(set, name));
  if (both !== undefined) refuse(`${both} cannot be set and unset at once`, both, 'Leave it out of one of them.');
  if (Object.keys(set).length + unset.length === 0) {
    refuse('there is nothing to alter', changes, "Give set, for example { 'retention.ms': '86400000' }, or unset.");
  }
  return { set, unset };
}

/** The overrides after a change. */
function applyChanges(config: Topic['config'], { set, unset }: Required<TopicChanges>): Topic['config'] {
  const kept = Object.entries(config).filter(([name]) => !unset.includes(name));
  return { ...Object.fromEntries(kept), ...set };
}

function isApplied(config: Topic['config'], { set, unset }: Required<TopicChanges>): boolean {
  const allSet = Object.entries(set).every(([name, value]) => config[name] === value);
  return allSet && unset.every((name) => !Object.hasOwn(config, name));
}

/**
 * Changes the configuration of a topic; what others change at the same time is kept. Clients learn of it when they next look the topic
 * up.
 *
 * Throws, before anything is written, INVALID_CONFIG, INVALID_REQUEST (options), INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION; TOPIC_BUSY while it is being created, or when the
 * answer to a change was lost and others have changed the same since; what the store throws after ten attempts.
 */
export async function alterTopic(deps: TopicDeps, name: string, changes: TopicChanges): Promise<Topic> {
  const checked = checkChanges(changes);
  parseTopicConfig(applyChanges({}, checked));
  const topic = await findTopic(deps, name);
  const altered = await changeTopic(deps, topic, (current) => {
    const config = applyChanges(current.config, checked);
    parseTopicConfig(config);
    if (current.state === 'deleting' || isApplied(current.config, checked)) return { kind: 'enough' };
    return { kind: 'write', topic: { ...current, config } };
  });
  if (altered === null || altered.state === 'deleting') throw await unknownTopic(deps, name);
  return altered;
}
