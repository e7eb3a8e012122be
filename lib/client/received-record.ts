import { MillraceError } from '../errors.ts';
import type { DecodedBatch } from '../record/decoded-batch.ts';
import type { RecordHeader } from '../record/record.ts';

/** A byte order mark is a part of the text. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** What a record's key and value are without a deserializer. */
export type RawBytes = Uint8Array | null;

/** A record as a reader gives it. Its bytes are views into what was fetched: copy what is kept for long. */
export class ReceivedRecord<K = RawBytes, V = RawBytes> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestampMs: bigint;
  /** As stored. */
  readonly keyBytes: RawBytes;
  /** As stored. */
  readonly valueBytes: RawBytes;
  /** What the deserializer made of it, else the bytes. */
  readonly key: K;
  /** What the deserializer made of it, else the bytes. */
  readonly value: V;
  readonly headers: readonly RecordHeader[];

  /** Reads record `index` of a batch. Throws CORRUPT_MESSAGE. */
  constructor(topic: string, partition: number, batch: DecodedBatch, index: number) {
    this.topic = topic;
    this.partition = partition;
    this.offset = batch.offset(index);
    this.timestampMs = batch.timestampMs(index);
    this.keyBytes = batch.key(index);
    this.valueBytes = batch.value(index);
    this.key = this.keyBytes as K;
    this.value = this.valueBytes as V;
    this.headers = batch.headers(index);
  }

  /** The value as UTF-8, null for null. */
  text(): string | null {
    return this.valueBytes === null ? null : decoder.decode(this.valueBytes);
  }

  /** The key as UTF-8, null for null. */
  keyText(): string | null {
    return this.keyBytes === null ? null : decoder.decode(this.keyBytes);
  }

  /** The value of the last header of this name as UTF-8; null for null, undefined when there is none. */
  headerText(name: string): string | null | undefined {
    const header = this.headers.findLast(({ key }) => key === name);
    if (header === undefined) return undefined;
    return header.value === null ? null : decoder.decode(header.value);
  }

  /** The value parsed as JSON, null for null; what it is, is the caller's word. Throws INVALID_RECORD when it is no JSON. */
  json<T = unknown>(): T | null {
    const text = this.text();
    if (text === null) return null;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new MillraceError(
        'INVALID_RECORD',
        `the value at ${this.topic}-${this.partition}@${this.offset} is no JSON`,
        {
          value: text.slice(0, 256),
          hint: 'Read it by text() or value.',
          cause,
        },
      );
    }
  }
}
