/** How keys and values become bytes, and are made of bytes again. */
import { MillraceError } from '../errors.ts';
import { issuesText, type StandardSchema } from './standard-schema.ts';

/** What a key or a value belongs to. */
export interface SerdeContext {
  readonly topic: string;
  readonly field: 'key' | 'value';
}

/** Makes bytes; null is a value of its own (a tombstone in a compacted topic). What it throws refuses the record. */
export interface Serializer<T> {
  serialize(value: T, context: SerdeContext): Uint8Array | null | Promise<Uint8Array | null>;
}

/** Makes a value of bytes. What it throws stops the loop before the record. */
export interface Deserializer<T> {
  deserialize(bytes: Uint8Array | null, context: SerdeContext): T | Promise<T>;
}

/** Both. */
export interface Serde<T> extends Serializer<T>, Deserializer<T> {}

/** A byte order mark is a part of the text; what is no UTF-8 is an error, not a replacement character. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function string(): Serde<string | null> {
  return {
    serialize: (value, context) => (value === null ? null : textBytes(value, context)),
    deserialize: (bytes) => (bytes === null ? null : decoder.decode(bytes)),
  };
}

function bytes(): Serde<Uint8Array | null> {
  return {
    serialize(value, { field }) {
      if (value === null || value instanceof Uint8Array) return value;
      throw unfit(field, value, 'bytes', 'Give a Uint8Array or null.');
    },
    deserialize: (value) => value,
  };
}

function json<T = unknown>(): Serde<T | null> {
  return {
    serialize(value, { field }) {
      if (value === null) return null;
      const text = JSON.stringify(value) as string | undefined;
      if (text !== undefined) return Buffer.from(text);
      throw unfit(field, value, 'JSON', 'Give something that JSON.stringify has a text for.');
    },
    deserialize: (value) => (value === null ? null : (JSON.parse(decoder.decode(value)) as T)),
  };
}

/**
 * Validates by a Standard Schema: on the way in before `inner` makes bytes, on the way out after it has made a value. What the schema makes of the value (defaults, transformations) is what
 * is sent or given out. A validation may be asynchronous; order is kept.
 */
function schema<Input, Output>(
  standard: StandardSchema<Input, Output>,
  inner: Serde<unknown> = json(),
): Serializer<Input> & Deserializer<Output> {
  const validate = (value: unknown, { field }: SerdeContext) =>
    whenThere(standard['~standard'].validate(value), (result): Output => {
      if (result.issues === undefined) return result.value;
      throw new MillraceError('INVALID_RECORD', `the ${field} does not fit its schema: ${issuesText(result.issues)}`, {
        value: result.issues,
        hint: 'Correct the record, or the schema.',
      });
    });
  return {
    serialize: (value, context) => whenThere(validate(value, context), (valid) => inner.serialize(valid, context)),
    deserialize: (value, context) => whenThere(inner.deserialize(value, context), (plain) => validate(plain, context)),
  };
}

/** Goes on at once when a value is there, else when it comes: nobody waits for nothing. */
export function whenThere<A, B>(value: A | Promise<A>, next: (value: A) => B | Promise<B>): B | Promise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}

function textBytes(value: unknown, { field }: SerdeContext): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  throw unfit(field, value, 'text', 'Give a string or null.');
}

function unfit(field: string, value: unknown, what: string, hint: string): MillraceError {
  return new MillraceError('INVALID_RECORD', `the ${field} is no ${what} but a ${typeof value}`, { value, hint });
}

/** Ready-made serializers and deserializers. */
export const serdes = { string, bytes, json, schema } as const;
