import type { DecodableRecord, RecordDecoder } from '../client/record-decoder.ts';
import { MillraceError } from '../errors.ts';
import { idempotencyKey } from '../event-source/idempotency-key.ts';
import type { ReceivedEvent } from '../event-source/received-event.ts';
import type { Failure } from '../event-source/settle-batch.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A record as a handler is given it. */
export class PulledRecord<K = Uint8Array | null, V = Uint8Array | null> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestampMs: bigint;
  /** As stored. */
  readonly keyBytes: Uint8Array | null;
  /** As stored. */
  readonly valueBytes: Uint8Array | null;
  readonly headers: ReceivedEvent['headers'];
  /** What the deserializer made of it, else the bytes. */
  readonly key: K;
  /** What the deserializer made of it, else the bytes. */
  readonly value: V;

  constructor(event: ReceivedEvent, key: K, value: V) {
    this.topic = event.topic;
    this.partition = event.partition;
    this.offset = event.offset;
    this.timestampMs = event.timestampMs;
    this.keyBytes = event.keyBytes;
    this.valueBytes = event.valueBytes;
    this.headers = event.headers;
    this.key = key;
    this.value = value;
  }

  /** The same each time that it is given, retry topics and redrives included: by this a handler knows what it has done already. See `idempotencyKey`. */
  get id(): string {
    return idempotencyKey(this);
  }

  /** The value as UTF-8, null for null. */
  text(): string | null {
    return this.valueBytes === null ? null : decoder.decode(this.valueBytes);
  }

  /** The value parsed as JSON, null for null. Throws SyntaxError. */
  json<T = unknown>(): T | null {
    const text = this.text();
    return text === null ? null : (JSON.parse(text) as T);
  }

  /** The value of the last header of this name as UTF-8; null for null, undefined when there is none. */
  headerText(name: string): string | null | undefined {
    const header = this.headers.findLast(({ key }) => key === name);
    if (header === undefined) return undefined;
    return header.value === null ? null : decoder.decode(header.value);
  }
}

/** A record, or why it could not be read. */
export type DecodedRecord<K, V> =
  | { readonly outcome: 'record'; readonly record: PulledRecord<K, V> }
  | { readonly outcome: 'failed'; readonly event: ReceivedEvent; readonly failure: Failure };

/** Each record for itself: one that does not fit its schema fails alone. */
export function decodeRecords<K, V>(
  events: readonly ReceivedEvent[],
  deserializers: RecordDecoder | null,
): Promise<readonly DecodedRecord<K, V>[]> {
  return Promise.all(
    events.map(async (event): Promise<DecodedRecord<K, V>> => {
      const { keyBytes, valueBytes } = event;
      try {
        const raw: DecodableRecord = { ...event, key: keyBytes, value: valueBytes };
        const { key, value } = deserializers === null ? raw : await deserializers.decode(raw);
        return { outcome: 'record', record: new PulledRecord(event, key as K, value as V) };
      } catch (error) {
        return { outcome: 'failed', event, failure: failureOf(error) };
      }
    }),
  );
}

/** What a handler has thrown, which may come from another copy of this package. */
export function failureOf(cause: unknown): Failure {
  if (!(cause instanceof Error)) return { error: String(cause) };
  const { name, message, stack = '' } = cause;
  const failure = { error: `${cause instanceof MillraceError ? cause.code : name}: ${message}`, stack };
  const { delayMs } = cause as { readonly delayMs?: unknown };
  return name === 'RetryAfter' && typeof delayMs === 'number' ? { ...failure, retryAfterMs: delayMs } : failure;
}
