import { MillraceError } from '../errors.ts';
import type { DecodedBatch } from '../record/decoded-batch.ts';
import type { RecordHeader } from '../record/record.ts';

/** A byte order mark is a part of the text. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A record as a reader gives it. Its bytes are views into what was fetched: copy what is kept for long. */
export class ReceivedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];

  /** Reads record `index` of a batch. Throws CORRUPT_MESSAGE. */
  constructor(topic: string, partition: number, batch: DecodedBatch, index: number) {
    this.topic = topic;
    this.partition = partition;
    this.offset = batch.offset(index);
    this.timestampMs = batch.timestampMs(index);
    this.key = batch.key(index);
    this.value = batch.value(index);
    this.headers = batch.headers(index);
  }

  /** The value as UTF-8, null for null. */
  text(): string | null {
    return this.value === null ? null : decoder.decode(this.value);
  }

  /** The key as UTF-8, null for null. */
  keyText(): string | null {
    return this.key === null ? null : decoder.decode(this.key);
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
