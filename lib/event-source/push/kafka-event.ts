/**
 * The event of Lambda's Kafka event sources. Source: "Using Lambda with Amazon MSK" and "Using Lambda with self-managed Apache Kafka" in the Lambda developer guide.
 *
 * A null key is left out and headers are never null, because popular parsers refuse those; a null value (a tombstone) is null, although some refuse that too.
 */
import type { ReceivedEvent } from '../received-event.ts';
import { base64, type EventFormat, type EventOrigin, type EventPlace } from './event-format.ts';

function encode(record: ReceivedEvent): string {
  const { topic, partition, offset, timestampMs, timestampType, keyBytes, valueBytes, headers } = record;
  return JSON.stringify({
    topic,
    partition,
    offset: Number(offset),
    timestamp: Number(timestampMs),
    timestampType,
    ...(keyBytes !== null && { key: base64(keyBytes) }),
    value: valueBytes === null ? null : base64(valueBytes),
    headers: headers.map(({ key, value }) => ({ [key]: value === null ? null : [...value] })),
  });
}

function wrapAs(envelope: (origin: EventOrigin) => object): EventFormat['wrap'] {
  return (encoded, place, origin) => {
    const text = JSON.stringify(envelope(origin));
    const key = JSON.stringify(shardId(place));
    return `${text.slice(0, -1)},"records":{${key}:[${encoded.join(',')}]}}`;
  };
}

const shardId = ({ topic, partition }: EventPlace) => `${topic}-${partition}`;

const DIGITS = /^\d{1,16}$/;

/** `{ partition: 'topic-0', offset }`; also with the key `topic-partition` of an older revision of the guide, and the text `topic-0-15`. */
function offsetOf(identifier: unknown, at: EventPlace): bigint | null {
  const place = shardId(at);
  if (typeof identifier === 'string') {
    const digits = identifier.startsWith(`${place}-`) ? identifier.slice(place.length + 1) : '';
    return DIGITS.test(digits) ? BigInt(digits) : null;
  }
  const named = (identifier ?? {}) as Readonly<Record<string, unknown>>;
  const { offset } = named;
  const isHere = (named.partition ?? named['topic-partition']) === place;
  return isHere && (typeof offset === 'number' || typeof offset === 'string') && DIGITS.test(String(offset))
    ? BigInt(offset)
    : null;
}

/** As from an MSK cluster. */
export const kafkaEvent: EventFormat = {
  encode,
  wrap: wrapAs(({ eventSourceArn, bootstrapServers }) => ({
    eventSource: 'aws:kafka',
    eventSourceArn,
    bootstrapServers,
  })),
  shardId,
  offsetOf,
};

/** As from a cluster of one's own. */
export const selfManagedKafkaEvent: EventFormat = {
  encode,
  wrap: wrapAs(({ bootstrapServers }) => ({ eventSource: 'SelfManagedKafka', bootstrapServers })),
  shardId,
  offsetOf,
};
