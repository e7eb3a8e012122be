import type { ReceivedEvent } from '../received-event.ts';

/** Where records come from, as events tell it. */
export interface EventOrigin {
  /** Stands for the topic: `arn:aws:kafka:us-east-1:123456789012:cluster/millrace/…`. */
  readonly eventSourceArn: string;
  /** What the event names as brokers; nobody needs to reach them. */
  readonly bootstrapServers: string;
  readonly region: string;
}

/** The partition that an event is of. */
export type EventPlace = Pick<ReceivedEvent, 'topic' | 'partition'>;

/** A form of event that functions know. */
export interface EventFormat {
  /** A record as JSON text; its length is what it takes. */
  encode(record: ReceivedEvent, origin: EventOrigin): string;
  /** The event around encoded records of one partition: a JSON object that is not empty. */
  wrap(encoded: readonly string[], place: EventPlace, origin: EventOrigin): string;
  /** What stands for the partition where an event names a shard. */
  shardId(place: EventPlace): string;
  /** The offset that an `itemIdentifier` of a response names; null when it is none of this topic and partition. */
  offsetOf(itemIdentifier: unknown, place: EventPlace): bigint | null;
}

/** Base64, as events carry bytes. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
