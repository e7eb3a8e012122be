/** The configuration of a topic for people: what nobody needs who only works by it. */
import { topicConfigDefaults } from './topic-config.ts';

/** A row of a topic's configuration as people read it. */
export interface SettingDescription {
  readonly name: string;
  /** As it was set, or the default. */
  readonly value: string;
  readonly isDefault: boolean;
  /** One or two sentences. */
  readonly doc: string;
}

const DOCS: Readonly<Record<string, string>> = {
  'retention.ms': 'How long records stay under the policy delete, by their timestamps. Maintenance drops them.',
  'retention.bytes':
    'How large a partition grows before its oldest records go, under the policy delete. Maintenance drops them.',
  'cleanup.policy':
    'delete drops old records by retention.ms and retention.bytes; without it they stay. compact keeps the last record of each key, and every record needs one. Maintenance does both.',
  'compression.type':
    'The codec of record batches: producer leaves it to the producer, uncompressed and none mean the same.',
  'max.message.bytes': 'The largest record batch; a larger record is refused before it is written.',
  'message.timestamp.type':
    "CreateTime keeps the record's own timestamp, LogAppendTime replaces it by the time at which its batch was made.",
  'message.timestamp.before.max.ms': 'How far the timestamp of a record may lie in the past, with CreateTime.',
  'message.timestamp.after.max.ms': 'How far the timestamp of a record may lie in the future, with CreateTime.',
  'min.compaction.lag.ms': 'How long a record stays at least even though a later one has its key.',
  'max.compaction.lag.ms':
    'How long a record may wait until its partition is compacted by key whatever share of it is new.',
  'min.cleanable.dirty.ratio': 'The share of a partition, in bytes, that must be new before it is compacted by key.',
  'delete.retention.ms':
    'How long a tombstone stays from the first compaction by key that meets it: who reads all of the log must come past it within that time.',
  'millrace.inline.max.bytes':
    'A group of record batches at most this large is stored in the order itself: faster, and for small ones cheaper, than an object.',
};

/** Every setting with its value and whether that is its default, in a fixed order. Overrides are not checked. */
export function describeTopicConfig(overrides: Readonly<Record<string, string>>): readonly SettingDescription[] {
  return [...topicConfigDefaults].map(([name, standard]) => {
    const isDefault = !Object.hasOwn(overrides, name);
    return { name, value: isDefault ? standard : overrides[name]!, isDefault, doc: DOCS[name]! };
  });
}
