/**
 * Sends of requests that may come again: each is in the log once, however often and by whatever process it is sent within ten minutes. The request is an idempotent producer of its own, whose one batch in each partition has the number 0; what was appended before is found by that.
 *
 * Always true: a request of one id goes to the same partitions, with as many records in each, or is refused before anything is sent.
 */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { Appender } from '../log/appender.ts';
import { appendTarget, type TopicDirectory, type TopicRoute } from '../log/topic-directory.ts';
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts';
import { encodeBatch } from '../record/encode-batch.ts';
import { checkRecord } from './check-record.ts';
import { batchOptions } from './open-batch.ts';
import { type OutgoingRecord, type PreparedRecord, prepareRecord } from './outgoing-record.ts';
import { partitionForKey } from './partitioner.ts';

/** What it needs. */
export interface RepeatableSendsDeps {
  readonly appender: Pick<Appender, 'append'>;
  readonly topics: Pick<TopicDirectory, 'read'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Where a record stands, by this request or one before it. */
export interface RepeatedPlace {
  readonly partition: number;
  readonly offset: bigint;
}

interface PartitionBatch {
  readonly partition: number;
  /** Places in the request. */
  readonly indexes: readonly number[];
  readonly bytes: Uint8Array;
}

/** See the module comment. */
export class RepeatableSends {
  readonly #deps: RepeatableSendsDeps;

  constructor(deps: RepeatableSendsDeps) {
    this.#deps = deps;
  }

  /**
   * Sends records of one topic under an id of 62 bits, and resolves to what became of each. Records without a key and a partition go to one partition together. Costs a commit for each partition, which waits where somebody else commits to it at the same moment.
   *
   * Throws, and sends nothing then, MESSAGE_TOO_LARGE (also for the records of one partition together), INVALID_RECORD, INVALID_REQUEST, INVALID_TIMESTAMP, UNKNOWN_TOPIC_OR_PARTITION.
   */
  async send(
    requestId: bigint,
    topic: string,
    records: readonly OutgoingRecord[],
  ): Promise<readonly PromiseSettledResult<RepeatedPlace>[]> {
    const { appender, topics, clock } = this.#deps;
    const prepared = records.map((record) => prepareRecord(record));
    const route = await topics.read(topic);
    const nowMs = BigInt(Math.floor(clock.nowMs()));
    for (const record of prepared) {
      const refusal = checkRecord(record, route, clock);
      if (refusal !== null) throw refusal;
    }
    const batches = batchesOf(route, prepared, { requestId, nowMs });
    const results: PromiseSettledResult<RepeatedPlace>[] = new Array(records.length);
    await Promise.all(
      batches.map(async ({ partition, indexes, bytes }) => {
        const request = { target: appendTarget(route, partition), batches: bytes, isSequenced: true };
        const [appended] = await Promise.allSettled([appender.append(request)]);
        for (const [place, index] of indexes.entries()) {
          results[index] =
            appended.status === 'rejected'
              ? appended
              : { status: 'fulfilled', value: { partition, offset: appended.value.baseOffset + BigInt(place) } };
        }
      }),
    );
    return results;
  }
}

function batchesOf(
  route: TopicRoute,
  records: readonly PreparedRecord[],
  { requestId, nowMs }: { readonly requestId: bigint; readonly nowMs: bigint },
): readonly PartitionBatch[] {
  const places = records.map((record, index) => ({ record, index, partition: partitionOf(record, route, requestId) }));
  return [...Map.groupBy(places, ({ partition }) => partition)].map(([partition, all]) => {
    checkBatchBytes(
      route,
      partition,
      all.reduce((bytes, { record }) => bytes + record.encodedBytes, BATCH_HEADER_BYTES),
    );
    const { compression, compressionLevel, timestampType } = batchOptions(route, partition, {});
    const isStamped = timestampType === 'LogAppendTime';
    const data = all.map(({ record: { key, value, headers, timestampMs } }) => ({
      key,
      value,
      headers,
      timestampMs: isStamped || timestampMs === undefined ? nowMs : timestampMs,
    }));
    const producer = { producerId: requestId, producerEpoch: 0, baseSequence: 0 };
    const bytes = encodeBatch(data, { compression, compressionLevel, timestampType, ...producer });
    return { partition, indexes: all.map(({ index }) => index), bytes };
  });
}

/** The same each time. */
function partitionOf({ partition, key }: PreparedRecord, { partitionCount }: TopicRoute, requestId: bigint): number {
  if (partition !== undefined) return partition;
  return key === null ? Number(requestId % BigInt(partitionCount)) : partitionForKey(key, partitionCount);
}

function checkBatchBytes({ name, config }: TopicRoute, partition: number, bytes: number): void {
  if (bytes <= config.maxMessageBytes) return;
  throw new MillraceError(
    'MESSAGE_TOO_LARGE',
    `the records for partition ${partition} take up to ${bytes} bytes together, and topic ${name} allows ${config.maxMessageBytes}`,
    { value: bytes, hint: 'Send fewer records under one key, or raise max.message.bytes of the topic.' },
  );
}
