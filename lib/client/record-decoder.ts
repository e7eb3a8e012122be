import { MillraceError } from '../errors.ts';
import type { ReceivedRecord } from './received-record.ts';
import type { Deserializer } from './serde.ts';

/** What a loop does with a record that cannot be deserialized: throw, and stay before it, or go on behind it. */
export type OnDeserializationError = (error: MillraceError, record: ReceivedRecord) => 'throw' | 'skip';

/** The options by which keys and values are typed. */
export interface DeserializerOptions<K, V> {
  /** Default: the bytes. */
  readonly keyDeserializer?: Deserializer<K>;
  /** Default: the bytes. */
  readonly valueDeserializer?: Deserializer<V>;
  /** Default: throw, so that no record is missed. */
  readonly onDeserializationError?: OnDeserializationError;
}

/** What of a record is needed to type it; `key` and `value` are set. */
export type DecodableRecord = Pick<
  ReceivedRecord<unknown, unknown>,
  'topic' | 'partition' | 'offset' | 'keyBytes' | 'valueBytes' | 'key' | 'value'
>;

/** Makes typed records of received ones. */
export class RecordDecoder {
  readonly #options: DeserializerOptions<unknown, unknown>;

  constructor(options: DeserializerOptions<unknown, unknown>) {
    this.#options = options;
  }

  /** The record with what the deserializers make of it. Rejects with DESERIALIZATION_FAILED. */
  async decode<R extends DecodableRecord>(record: R): Promise<R> {
    const { keyDeserializer, valueDeserializer } = this.#options;
    const { topic } = record;
    try {
      const key = keyDeserializer
        ? await keyDeserializer.deserialize(record.keyBytes, { topic, field: 'key' })
        : record.keyBytes;
      const value = valueDeserializer
        ? await valueDeserializer.deserialize(record.valueBytes, { topic, field: 'value' })
        : record.valueBytes;
      return Object.assign(record, { key, value });
    } catch (cause) {
      throw failed(record, cause);
    }
  }

  /** Whether the loop goes on behind a record that could not be decoded. */
  skips(error: MillraceError, record: ReceivedRecord): boolean {
    return this.#options.onDeserializationError?.(error, record) === 'skip';
  }
}

function failed({ topic, partition, offset }: DecodableRecord, cause: unknown): MillraceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError(
    'DESERIALIZATION_FAILED',
    `the record at ${topic}-${partition}@${offset} could not be deserialized: ${why}`,
    {
      value: { topic, partition, offset },
      hint: 'The loop stays before it. Seek behind it, set onDeserializationError, or correct the deserializer.',
      cause,
    },
  );
}

/** The decoder that these options ask for; null without deserializers. */
export function recordDecoder<K, V>(options: DeserializerOptions<K, V>): RecordDecoder | null {
  const isTyped = options.keyDeserializer !== undefined || options.valueDeserializer !== undefined;
  return isTyped ? new RecordDecoder(options as DeserializerOptions<unknown, unknown>) : null;
}
