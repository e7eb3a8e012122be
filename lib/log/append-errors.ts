/** What an append can be told, each with its way out. */
import { MillraceError } from '../errors.ts';
import type { PartitionKey } from './partition-key.ts';
import type { SequencedBatch } from './producer-states.ts';

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

/** A batch of an idempotent producer that is not its next one. */
export function outOfOrderSequence(partition: PartitionKey, batch: SequencedBatch, expected: number): MillraceError {
  const { producerId, baseSequence } = batch;
  return new MillraceError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `producer ${producerId} sent the sequence number ${baseSequence}, but ${expected} is its next`,
    {
      value: { ...partition, ...batch, expectedSequence: expected },
      hint: 'Nothing was appended: a batch before it is missing, or the producer has begun anew without a new epoch.',
    },
  );
}

/** A batch of an idempotent producer that has gone on since under a newer epoch. */
export function oldProducerEpoch(partition: PartitionKey, batch: SequencedBatch, epoch: number): MillraceError {
  const { producerId, producerEpoch } = batch;
  return new MillraceError(
    'INVALID_PRODUCER_EPOCH',
    `producer ${producerId} has gone on under the epoch ${epoch}, and this is a batch of ${producerEpoch}`,
    { value: { ...partition, ...batch }, hint: 'Nothing was appended. Ask for a new producer id.' },
  );
}
