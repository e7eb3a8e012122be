import { MillraceError } from '../errors.ts';
import type { Topic } from '../log/topic.ts';

/** Throws UNKNOWN_TOPIC_OR_PARTITION when the topic has no such partition. */
export function checkPartition({ name, readyPartitionCount: count }: Topic, partition: number): void {
  if (partition < count) return;
  throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has no partition ${partition}`, {
    value: partition,
    hint: `It has ${count === 1 ? 'one, partition 0' : `${count}, from 0 to ${count - 1}`}; leave -p out, or give it more by topic add-partitions.`,
  });
}
