/** What a producer tells, each with its way out. */
import { MillraceError } from '../errors.ts';
import { queuedBehind } from '../log/append-errors.ts';
import type { BufferMemory } from './buffer-memory.ts';
import type { PartitionQueue } from './partition-queue.ts';

/** A record was sent behind one that was given up. */
export function sentBehind({ topic, partition }: PartitionQueue, failure: MillraceError): MillraceError {
  return queuedBehind({ topicId: topic.route.topicId, partition }, failure);
}

/** After `close`. */
export function producerClosed(): MillraceError {
  return new MillraceError('CLOSED', 'the producer is closed', { hint: 'Send before closing, or make another one.' });
}

/** No memory within `maxBlockMs`. */
export function bufferExhausted(memory: BufferMemory, maxBlockMs: number): MillraceError {
  return new MillraceError('BUFFER_EXHAUSTED', `no room in the buffer for ${maxBlockMs} ms`, {
    value: { usedBytes: memory.usedBytes, bufferMemoryBytes: memory.totalBytes },
    hint: 'The store takes records more slowly than they are sent: await room(), or raise bufferMemoryBytes or maxBlockMs.',
  });
}

/** No amount of waiting would help. */
export function largerThanBuffer(bytes: number, bufferMemoryBytes: number): MillraceError {
  return new MillraceError(
    'MESSAGE_TOO_LARGE',
    `the record takes ${bytes} bytes, and the whole buffer ${bufferMemoryBytes}`,
    {
      value: bytes,
      hint: 'Raise bufferMemoryBytes of the producer.',
    },
  );
}

/** `sendAll` was given something else than a list. */
export function noList(records: unknown): MillraceError {
  return new MillraceError('INVALID_REQUEST', 'the records to send are no list', {
    value: records,
    hint: 'Give an array of records, or one record to `send`.',
  });
}
