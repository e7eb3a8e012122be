/** Settings of topics and of brokers as Kafka's protocol describes them. */

import type { SettingDescription } from '../log/describe-topic-config.ts';
import { absentSettingReason } from '../log/topic-config-absent.ts';

/** Where a value comes from: Kafka's `DescribeConfigsResponse.ConfigSource`. */
export const CONFIG_SOURCE = { topic: 1, static: 4, default: 5 } as const;

/** Kafka's `ConfigResource.Type`. */
export const RESOURCE_TYPE = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

/** Kafka's `ConfigType`. */
const CONFIG_TYPE = { boolean: 1, string: 2, int: 3, short: 4, long: 5, double: 6, list: 7 } as const;

const TYPES: Readonly<Record<string, number>> = {
  'cleanup.policy': CONFIG_TYPE.list,
  'compression.type': CONFIG_TYPE.string,
  'message.timestamp.type': CONFIG_TYPE.string,
  'max.message.bytes': CONFIG_TYPE.int,
  'millrace.inline.max.bytes': CONFIG_TYPE.int,
  'min.cleanable.dirty.ratio': CONFIG_TYPE.double,
};

/** Of every topic, for tools that compare it with the replicas in sync. */
export const minInsyncReplicas = {
  ...describedSetting({
    name: 'min.insync.replicas',
    value: '1',
    isDefault: true,
    doc: 'The stores keep their own copies.',
  }),
  readOnly: true,
};

/** A setting as it stands in answers to CreateTopics and DescribeConfigs. */
export function describedSetting({ name, value, isDefault, doc }: SettingDescription) {
  const configSource = isDefault ? CONFIG_SOURCE.default : CONFIG_SOURCE.topic;
  return {
    name,
    value,
    readOnly: false,
    configSource,
    isSensitive: false,
    configType: TYPES[name] ?? CONFIG_TYPE.long,
    documentation: doc,
    synonyms: [{ name, value, source: configSource }],
  };
}

/**
 * Settings without those of Kafka's that mean nothing here: tools and frameworks set replication, segments and flushing as a habit, and there is nothing to lose by it. What does not exist in Kafka
 * either stays, to be refused.
 */
export function droppableSettings<T extends { readonly name: string }>(settings: readonly T[]): readonly T[] {
  return settings.filter(({ name }) => absentSettingReason(name) === undefined);
}
