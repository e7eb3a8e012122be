import { MillraceError } from '../errors.ts';
import type { PartitionKey } from './partition-key.ts';

/** There is no head: the topic was deleted, and perhaps made again, or has fewer partitions. */
export function partitionGone(partition: PartitionKey): MillraceError {
  return new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `partition ${partition.partition} does not exist`, {
    value: partition,
    hint: 'The topic was deleted or has fewer partitions. Describe it, and ask again.',
  });
}
