import type { TopicConfig } from '../log/topic-config.ts';

/** Which records may go. `null`: none for that reason. */
export interface RetentionPolicy {
  /** Records go once they are older, by their timestamps. */
  readonly maxAgeMs: bigint | null;
  /** The oldest records go as long as so many bytes stay, as they are stored. */
  readonly minBytes: bigint | null;
}

/**
 * The policy of a topic: `retention.ms` and `retention.bytes`, where -1 is no limit. As in Kafka (`UnifiedLog.deleteOldSegments`), neither means anything for a topic whose `cleanup.policy` does not hold `delete`.
 */
export function retentionPolicy(config: TopicConfig): RetentionPolicy {
  const isDeleted = config.cleanupPolicy.includes('delete');
  const limit = (value: bigint) => (isDeleted && value >= 0n ? value : null);
  return { maxAgeMs: limit(config.retentionMs), minBytes: limit(config.retentionBytes) };
}
