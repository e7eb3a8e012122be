import { asMillraceError } from '../errors.ts';
import { EntryCheck, isDamage } from './entry-check.ts';
import { findTopic } from './find-topic.ts';
import type { Damage } from './index-check.ts';
import type { Topic } from './topic.ts';
import { type VerifiedPartition, type VerifyDeps, verifyPartition } from './verify-partition.ts';

/** How to verify. */
export interface VerifyOptions {
  /** Reads all bytes: every checksum and every record. Default false: what the order says, and what the objects say of themselves. */
  readonly deep?: boolean;
  /** Told after each partition. */
  readonly onPartition?: (verified: VerifiedPartition, partitionCount: number) => void;
}

/** What was found in a topic. */
export interface VerifiedTopic {
  readonly topic: string;
  /** Objects that were looked into. */
  readonly objects: number;
  readonly partitions: readonly VerifiedPartition[];
  /** Of the topic's own item; then nothing is known of its partitions. */
  readonly damages: readonly Damage[];
}

/** Verifies all partitions of a topic, one after another, see `verifyPartition`. Throws UNKNOWN_TOPIC_OR_PARTITION, TOPIC_BUSY, and what the store throws. */
export async function verifyTopic(deps: VerifyDeps, name: string, options: VerifyOptions = {}): Promise<VerifiedTopic> {
  let topic: Topic;
  try {
    topic = await findTopic(deps, name);
  } catch (cause) {
    return { topic: name, objects: 0, partitions: [], damages: [topicDamage(cause)] };
  }
  const { topicId, domain, readyPartitionCount } = topic;
  const check = new EntryCheck(deps, { domain, deep: options.deep ?? false });
  const partitions: VerifiedPartition[] = [];
  for (let partition = 0; partition < readyPartitionCount; partition++) {
    const verified = await verifyPartition(deps, { topicId, partition }, check);
    partitions.push(verified);
    options.onPartition?.(verified, readyPartitionCount);
  }
  return { topic: name, objects: check.objectCount, partitions, damages: [] };
}

/** What keeps a topic from being read, when that is damage; throws it otherwise. */
function topicDamage(cause: unknown): Damage {
  const error = asMillraceError(cause);
  if (!isDamage(error)) throw error;
  const message = `the topic cannot be read: ${error.message}`;
  return { code: error.code, fromOffset: 0n, endOffset: 0n, object: null, message };
}
