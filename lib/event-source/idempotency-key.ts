/**
 * By what a handler knows a record that it is given again: `TOPIC-PARTITION-OFFSET-TIMESTAMP` of where the record stood first. It stays the same through repetitions, retry topics and redrives; the timestamp keeps apart the records of a topic that was
 * made again under the same name.
 */
import { MillraceError } from '../errors.ts';
import { FAILURE_HEADERS } from './failed-record.ts';
import { type GivenRecord, givenHeader, type KinesisRecordPlace, type SqsRecordPlace } from './given-record.ts';
import { isRetryTopicOf } from './retry-topics.ts';

interface Place {
  readonly topic: string;
  readonly partition: number | string;
  readonly offset: bigint | number | string;
  readonly timestampMs: bigint | number | string;
  /** The text of a header. */
  readonly header: (name: string) => string | undefined;
}

/** See the top of this file. Throws INVALID_REQUEST for what is no record of an event of Millrace. */
export function idempotencyKey(record: GivenRecord): string {
  // A Kinesis record has no place for headers: it is in the event id, behind the shard.
  if ('kinesis' in record) return record.eventID.slice(record.eventID.indexOf(':') + 1);
  const { topic, partition, offset, timestampMs } = originOf(placeOf(record));
  return `${topic}-${partition}-${offset}-${timestampMs}`;
}

/** Whoever copies the headers of a record into another topic makes another record: what they tell is believed in the topics of the subscription that they name alone. */
function originOf(place: Place): Omit<Place, 'header'> {
  const text = (name: keyof typeof FAILURE_HEADERS) => place.header(FAILURE_HEADERS[name]);
  const group = text('group');
  if (group === undefined || !isRetryTopicOf(place.topic, group)) return place;
  const { topic, partition, offset, timestampMs } = place;
  return {
    topic: text('topic') ?? topic,
    partition: text('partition') ?? partition,
    offset: text('offset') ?? offset,
    timestampMs: text('timestampMs') ?? timestampMs,
  };
}

function placeOf(record: Exclude<GivenRecord, KinesisRecordPlace>): Place {
  const header = (name: string) => givenHeader(record, name);
  if ('messageId' in record) return placeOfMessage(record, header);
  const { topic, partition, offset } = record;
  if (typeof topic !== 'string' || !Number.isInteger(partition)) throw noRecord(record);
  if ('timestampMs' in record) {
    return { topic, partition, offset, timestampMs: record.timestampMs, header };
  }
  return { topic, partition, offset, timestampMs: record.timestamp, header };
}

function placeOfMessage(record: SqsRecordPlace, header: Place['header']): Place {
  const [, topic, partition, offset] = /^(.+)-(\d+)-(\d+)$/.exec(record.messageId) ?? [];
  if (topic === undefined || partition === undefined || offset === undefined) throw noRecord(record);
  return { topic, partition, offset, timestampMs: record.attributes.SentTimestamp, header };
}

function noRecord(value: unknown): MillraceError {
  return new MillraceError('INVALID_REQUEST', 'this is no record of an event of Millrace', {
    value,
    hint: 'Give a record that was pulled, or one of a Kafka, Kinesis or SQS event, as it came.',
  });
}
