/**
 * The configuration of a topic: Kafka's names, meanings and defaults (Kafka 4.x, "Topic Configs"; `message.timestamp.after.max.ms` by KIP-1030), and ours, which begin
 * with `millrace.`.
 *
 * Stored are only the overrides, as texts; what is not overridden has its default.
 */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompressionType } from '../record/compression.ts';
import { type ConfigKind, choiceKind, countKind, longKind, MAX_LONG, ratioKind, setKind } from './topic-config-kind.ts';

/** A topic's configuration with every default filled in. Durations are in ms; `-1n` is no limit where the setting has one. */
export interface TopicConfig {
  readonly retentionMs: bigint;
  readonly retentionBytes: bigint;
  /** In this order, each at most once, never empty. */
  readonly cleanupPolicy: readonly ('delete' | 'compact')[];
  /** `producer`: as the producer was told. */
  readonly compressionType: CompressionType | 'producer';
  readonly maxMessageBytes: number;
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime';
  readonly messageTimestampBeforeMaxMs: bigint;
  readonly messageTimestampAfterMaxMs: bigint;
  readonly minCompactionLagMs: bigint;
  readonly maxCompactionLagMs: bigint;
  readonly minCleanableDirtyRatio: number;
  readonly deleteRetentionMs: bigint;
  /** A group of record batches at most this large travels inside the head; 0 never does. */
  readonly inlineMaxBytes: number;
}

interface Setting<T> {
  readonly name: string;
  readonly kind: ConfigKind<T>;
  /** Text form of the default. */
  readonly standard: string;
}

const DAY_MS = 86_400_000n;

const duration = (min: bigint, example: string, special?: string): ConfigKind<bigint> =>
  longKind({ min, max: MAX_LONG, unit: 'milliseconds', example, ...(special === undefined ? {} : { special }) });

const settings: { readonly [Key in keyof TopicConfig]: Setting<TopicConfig[Key]> } = {
  retentionMs: {
    name: 'retention.ms',
    kind: duration(-1n, '604800000 for 7 days', '-1 for no limit'),
    standard: String(7n * DAY_MS),
  },
  retentionBytes: {
    name: 'retention.bytes',
    kind: longKind({
      min: -1n,
      max: MAX_LONG,
      unit: 'bytes',
      example: '1073741824 for 1 GiB a partition',
      special: '-1 for no limit',
    }),
    standard: '-1',
  },
  cleanupPolicy: {
    name: 'cleanup.policy',
    kind: setKind(['delete', 'compact'], 'compact,delete'),
    standard: 'delete',
  },
  compressionType: {
    name: 'compression.type',
    kind: choiceKind<TopicConfig['compressionType']>({
      producer: 'producer',
      uncompressed: 'none',
      none: 'none',
      gzip: 'gzip',
      snappy: 'snappy',
      lz4: 'lz4',
      zstd: 'zstd',
    }),
    standard: 'producer',
  },
  maxMessageBytes: {
    name: 'max.message.bytes',
    kind: countKind({ min: 0, max: limits.batchBytes, unit: 'bytes', example: '1048588 for 1 MiB and its header' }),
    standard: '1048588',
  },
  messageTimestampType: {
    name: 'message.timestamp.type',
    kind: choiceKind<TopicConfig['messageTimestampType']>({ CreateTime: 'CreateTime', LogAppendTime: 'LogAppendTime' }),
    standard: 'CreateTime',
  },
  messageTimestampBeforeMaxMs: {
    name: 'message.timestamp.before.max.ms',
    kind: duration(0n, '86400000 for one day'),
    standard: String(MAX_LONG),
  },
  messageTimestampAfterMaxMs: {
    name: 'message.timestamp.after.max.ms',
    kind: duration(0n, '3600000 for one hour'),
    standard: '3600000',
  },
  minCompactionLagMs: {
    name: 'min.compaction.lag.ms',
    kind: duration(0n, '60000 for one minute'),
    standard: '0',
  },
  maxCompactionLagMs: {
    name: 'max.compaction.lag.ms',
    kind: duration(1n, '86400000 for one day'),
    standard: String(MAX_LONG),
  },
  minCleanableDirtyRatio: {
    name: 'min.cleanable.dirty.ratio',
    kind: ratioKind('0.5'),
    standard: '0.5',
  },
  deleteRetentionMs: {
    name: 'delete.retention.ms',
    kind: duration(0n, '86400000 for one day'),
    standard: String(DAY_MS),
  },
  inlineMaxBytes: {
    name: 'millrace.inline.max.bytes',
    kind: countKind({
      min: 0,
      max: limits.inlineBytesMax,
      unit: 'bytes',
      example: `${limits.inlineBytes}, where it costs least`,
      special: '0 for never',
    }),
    standard: String(limits.inlineBytes),
  },
};

const allSettings: readonly Setting<unknown>[] = Object.values(settings);

/** Text forms of the defaults by the names of all settings, in the order in which they are described. */
export const topicConfigDefaults: ReadonlyMap<string, string> = new Map(
  allSettings.map(({ name, standard }) => [name, standard]),
);

/** Names of all settings. */
export const topicConfigNames: readonly string[] = [...topicConfigDefaults.keys()];

function parseValue<T>({ name, kind }: Setting<T>, text: string): T {
  const value = typeof text === 'string' ? kind.parse(text) : undefined;
  if (value !== undefined) return value;
  const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, 80)) : `a ${typeof text}, not a text`;
  throw new MillraceError('INVALID_CONFIG', `${name} cannot be ${shown}`, {
    value: { name, value: text },
    hint: `Give ${kind.expects}.`,
  });
}

/** Settings that are right by themselves and contradict each other; as Kafka's `LogConfig.validateValues`. */
function checkTogether({ minCompactionLagMs, maxCompactionLagMs }: TopicConfig): void {
  if (minCompactionLagMs <= maxCompactionLagMs) return;
  throw new MillraceError('INVALID_CONFIG', 'min.compaction.lag.ms is above max.compaction.lag.ms', {
    value: { 'min.compaction.lag.ms': minCompactionLagMs, 'max.compaction.lag.ms': maxCompactionLagMs },
    hint: `Give min.compaction.lag.ms at most ${maxCompactionLagMs}, or raise max.compaction.lag.ms.`,
  });
}

/**
 * Reads overrides, by Kafka's names, into a whole configuration. What people give goes through `checkTopicConfig`, which knows more about names.
 *
 * Throws INVALID_CONFIG for an unknown name, for a bad value (the hint says range, unit and an example), and for values that contradict each other.
 */
export function parseTopicConfig(overrides: Readonly<Record<string, string>>): TopicConfig {
  if (typeof overrides !== 'object' || overrides === null || Array.isArray(overrides)) {
    throw new MillraceError('INVALID_CONFIG', 'a configuration is an object of texts by their names', {
      value: overrides,
      hint: "Give, for example, { 'retention.ms': '604800000' }.",
    });
  }
  const unknown = Object.keys(overrides).find((name) => !topicConfigDefaults.has(name));
  if (unknown !== undefined) {
    throw new MillraceError('INVALID_CONFIG', `there is no topic setting ${JSON.stringify(unknown.slice(0, 80))}`, {
      value: unknown,
      hint: 'A newer Millrace may have written it: update this one.',
    });
  }
  const read = <T>(setting: Setting<T>): T =>
    parseValue(setting, Object.hasOwn(overrides, setting.name) ? overrides[setting.name]! : setting.standard);
  const config: TopicConfig = {
    retentionMs: read(settings.retentionMs),
    retentionBytes: read(settings.retentionBytes),
    cleanupPolicy: read(settings.cleanupPolicy),
    compressionType: read(settings.compressionType),
    maxMessageBytes: read(settings.maxMessageBytes),
    messageTimestampType: read(settings.messageTimestampType),
    messageTimestampBeforeMaxMs: read(settings.messageTimestampBeforeMaxMs),
    messageTimestampAfterMaxMs: read(settings.messageTimestampAfterMaxMs),
    minCompactionLagMs: read(settings.minCompactionLagMs),
    maxCompactionLagMs: read(settings.maxCompactionLagMs),
    minCleanableDirtyRatio: read(settings.minCleanableDirtyRatio),
    deleteRetentionMs: read(settings.deleteRetentionMs),
    inlineMaxBytes: read(settings.inlineMaxBytes),
  };
  checkTogether(config);
  return config;
}
