/** What an append can be told, each with its way out. */
import { MillraceError } from '../errors.ts';
import type { PartitionKey } from './partition-key.ts';

/** Strict append at another offset than the high watermark. */
export function offsetMismatch(partition: PartitionKey, expected: bigint, next: bigint): MillraceError {
  return new MillraceError('OFFSET_MISMATCH', `expected offset ${expected}, but the high watermark is ${next}`, {
    value: { ...partition, expectedOffset: expected, highWatermark: next },
    hint: `Nothing was written. Read what was appended since, and append at ${next}.`,
  });
}

/** Neither committed nor not: the proof is out of reach. */
export function commitUnknown(partition: PartitionKey, cause: unknown): MillraceError {
  return new MillraceError(
    'COMMIT_UNKNOWN',
    'the store did not answer, and whether the records are in the log cannot be found out',
    {
      value: partition,
      hint: 'Read the end of the partition before you send them again: they may be there.',
      cause,
    },
  );
}

/** Queued behind something that was given up. A partition that is gone is the same news to everybody: what travelled in one commit with the first may have been in the log that was deleted. */
export function queuedBehind(partition: PartitionKey, cause?: MillraceError): MillraceError {
  if (cause?.code === 'UNKNOWN_TOPIC_OR_PARTITION') return cause;
  return new MillraceError(
    'NOT_COMMITTED',
    'an earlier append to this partition was given up, so this one was not sent',
    {
      value: partition,
      hint: 'It is not in the log. Send it again once you have decided about the earlier one.',
      cause,
    },
  );
}
