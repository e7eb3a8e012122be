import { MillraceError } from '../errors.ts';
import type { OutgoingRecord } from './outgoing-record.ts';
import type { ProducerOptions } from './producer-options.ts';
import type { SerdeContext, Serializer } from './serde.ts';

/** Makes bytes of records before they are sent, in the order in which they were given. */
export class Serializing<K, V> {
  readonly #key: Serializer<K> | undefined;
  readonly #value: Serializer<V> | undefined;
  /** What is serialized asynchronously; whatever comes behind it waits. */
  #line: Promise<void> | null = null;

  constructor(key: Serializer<K> | undefined, value: Serializer<V> | undefined) {
    this.#key = key;
    this.#value = value;
  }

  /** Calls `send` with the bytes of a record, at once where it can, or `refuse` with SERIALIZATION_FAILED. What `send` throws is given to `refuse`. */
  run(record: OutgoingRecord<K, V>, send: (record: OutgoingRecord) => void, refuse: (error: unknown) => void): void {
    const bytes = this.#serialize(record);
    if (this.#line === null && !(bytes instanceof Promise)) {
      send(bytes);
      return;
    }
    const before = this.#line;
    const line = (async () => {
      // A failure is told once it is this record's turn, and is nobody else's.
      const settled = await Promise.allSettled([bytes, before]);
      try {
        if (settled[0].status === 'rejected') throw settled[0].reason;
        send(settled[0].value);
      } catch (error) {
        refuse(error);
      }
    })();
    this.#line = line;
    void line.then(() => {
      if (this.#line === line) this.#line = null;
    });
  }

  /** Resolves when everything before was sent or refused. */
  async idle(): Promise<void> {
    await this.#line;
  }

  #serialize(record: OutgoingRecord<K, V>): OutgoingRecord | Promise<OutgoingRecord> {
    const { topic, key, value } = record;
    const keyBytes = key === undefined ? undefined : encode(this.#key, key, { topic, field: 'key' });
    const valueBytes = encode(this.#value, value, { topic, field: 'value' });
    if (!(keyBytes instanceof Promise) && !(valueBytes instanceof Promise)) {
      return { ...record, key: keyBytes, value: valueBytes };
    }
    return Promise.all([keyBytes, valueBytes]).then(([first, second]) => ({ ...record, key: first, value: second }));
  }
}

/** Without a serializer it is bytes or text already. */
function encode<T>(
  serializer: Serializer<T> | undefined,
  value: T,
  context: SerdeContext,
): Uint8Array | string | null | Promise<Uint8Array | null> {
  if (serializer === undefined) return value as Uint8Array | string | null;
  try {
    const bytes = serializer.serialize(value, context);
    return bytes instanceof Promise ? bytes.catch((cause) => Promise.reject(failed(context, cause))) : bytes;
  } catch (cause) {
    throw failed(context, cause);
  }
}

function failed({ topic, field }: SerdeContext, cause: unknown): MillraceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError(
    'SERIALIZATION_FAILED',
    `the ${field} of a record of ${topic} could not be serialized: ${why}`,
    {
      value: { topic, field },
      hint: 'The record was not sent. Correct it, or the serializer.',
      cause,
    },
  );
}

/** What a producer with these options serializes with; null without serializers. */
export function serializingOf<K, V>({
  keySerializer,
  valueSerializer,
}: ProducerOptions<K, V>): Serializing<K, V> | null {
  if (keySerializer === undefined && valueSerializer === undefined) return null;
  return new Serializing(keySerializer, valueSerializer);
}
