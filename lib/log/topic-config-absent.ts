/** Kafka's topic settings for which there is nothing to set here: who brings them along is told why, not that they mistyped. */

const SEGMENT =
  'There are no log files per partition: a flush is one object of many partitions, sized by the producer (segmentBytes, lingerMs).';
const FLUSH = 'There is no page cache to flush: an append is acknowledged when the object store and the order have it.';
const REPLICAS =
  'There are no replicas to choose: the object store and the order table keep several copies, and every acknowledgement means durable.';
const THROTTLE = 'There is no replication between brokers, so nothing of it to slow down.';
const TIERED =
  'There is no local tier: all data is in the object store from the beginning. Use retention.ms and retention.bytes.';
const LEVEL = 'Who compresses is the producer, and the level is its own setting.';
const FORMAT = 'Record batches have one format, version 2, as in Kafka since 4.0.';

const ABSENT: Readonly<Record<string, string>> = {
  'segment.bytes': SEGMENT,
  'segment.ms': SEGMENT,
  'segment.jitter.ms': SEGMENT,
  'segment.index.bytes': SEGMENT,
  'index.interval.bytes': SEGMENT,
  preallocate: SEGMENT,
  'file.delete.delay.ms': 'Objects are deleted by collection, a restore window after nothing names them any more.',
  'flush.ms': FLUSH,
  'flush.messages': FLUSH,
  'min.insync.replicas': REPLICAS,
  'replication.factor': REPLICAS,
  'unclean.leader.election.enable': REPLICAS,
  'leader.replication.throttled.replicas': THROTTLE,
  'follower.replication.throttled.replicas': THROTTLE,
  'local.retention.ms': TIERED,
  'local.retention.bytes': TIERED,
  'remote.storage.enable': TIERED,
  'remote.copy.disable': TIERED,
  'remote.log.copy.disable': TIERED,
  'remote.delete.on.disable': TIERED,
  'remote.log.delete.on.disable': TIERED,
  'compression.gzip.level': LEVEL,
  'compression.lz4.level': LEVEL,
  'compression.zstd.level': LEVEL,
  'message.format.version': FORMAT,
  'message.downconversion.enable': FORMAT,
  'message.timestamp.difference.max.ms':
    'Kafka 4.0 removed it. Use message.timestamp.before.max.ms and message.timestamp.after.max.ms.',
};

/** Why a setting of Kafka's topics does not exist here, or undefined when Kafka has no setting of that name that is absent here. */
export function absentSettingReason(name: string): string | undefined {
  return Object.hasOwn(ABSENT, name) ? ABSENT[name] : undefined;
}
