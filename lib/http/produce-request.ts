/**
 * What a request to produce says: one record as the body, or one or many as JSON.
 *
 * | JSON | |
 * |---|---|
 * | `{ "records": [RECORD, …] }`, or a RECORD | |
 * | `key`, `value` | text; a value that is an object, an array, a number or a truth value is written as its JSON, `null` is a tombstone |
 * | `keyBase64`, `valueBase64` | bytes |
 * | `headers` | object of texts or `null`, or pairs; `headersBase64` the same of bytes |
 * | `partition`, `timestampMs` | numbers |
 * | `delay` or `deliverAtMs` | of a delayed record: `"10s"`, or milliseconds since 1970 |
 *
 * With another content type the body is the value; `key`, `keyBase64`, `partition`, `timestampMs` and `delay` come from the query.
 */
import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';
import type { HttpRequest } from './http-message.ts';

type Bytes = string | Uint8Array | null;

/** A record that enters its topic at once. */
export interface ImmediateRecord {
  readonly topic: string;
  readonly value: Bytes;
  readonly key?: Bytes;
  readonly headers?: readonly (readonly [string, Bytes])[];
  readonly partition?: number;
  readonly timestampMs?: number;
}

/** A record as a producer takes it. */
export interface HttpRecord extends ImmediateRecord {
  readonly delay?: number | string;
  readonly deliverAt?: Date;
}

/** Records of one request. */
export const MAX_RECORDS = 10_000;

const FIELDS = [
  'key',
  'keyBase64',
  'value',
  'valueBase64',
  'headers',
  'headersBase64',
  'partition',
  'timestampMs',
  'delay',
  'deliverAtMs',
] as const;
const QUERY = ['key', 'keyBase64', 'partition', 'timestampMs', 'delay', 'deliverAtMs'] as const;
/** Content types that a page of another site may send without being asked for leave. */
const OF_FORMS = ['', 'text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded'];
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

type Fields = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>;

/** Reads all records of a request; nothing is to be sent when one of them makes no sense. Throws INVALID_REQUEST, INVALID_RECORD, MESSAGE_TOO_LARGE. */
export function parseProduceRequest(topic: string, request: HttpRequest): readonly HttpRecord[] {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (OF_FORMS.includes(type)) {
    throw invalid(
      `the content type is ${type === '' ? 'missing' : type}`,
      type,
      'Send application/json, or application/octet-stream for a value as it is.',
    );
  }
  if (type === 'application/json' || type.endsWith('+json')) return jsonRecords(topic, request.body);
  return [recordOf(topic, { ...queryFields(request.query), valueBytes: request.body }, 'the query')];
}

function jsonRecords(topic: string, body: Uint8Array): readonly HttpRecord[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw invalid(
      `the body is no JSON: ${(cause as Error).message}`,
      undefined,
      'Send {"records":[{"key":"k","value":"v"}]}.',
    );
  }
  const { records, ...others } = isObject(parsed) ? parsed : { records: undefined };
  if (records === undefined) return [recordOf(topic, checkFields(parsed, 'the body'), 'the body')];
  if (!Array.isArray(records) || records.length === 0) {
    throw invalid('records is no list of at least one record', records, 'Send {"records":[{"value":"v"}]}.');
  }
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`beside records there is ${other}`, other, 'Give it with each record.');
  if (records.length > MAX_RECORDS) {
    throw new MillraceError('MESSAGE_TOO_LARGE', `the request has ${records.length} records`, {
      value: records.length,
      hint: `Send at most ${MAX_RECORDS} at once.`,
    });
  }
  return records.map((one: unknown, index) => recordOf(topic, checkFields(one, `record ${index}`), `record ${index}`));
}

/** A misspelt `key` would silently give the record another partition and lose its order. */
function checkFields(given: unknown, place: string): Fields {
  if (!isObject(given)) throw invalid(`${place} is no object`, given, 'Send {"key":"k","value":"v"}.');
  for (const name of Object.keys(given)) {
    if (FIELDS.some((field) => field === name)) continue;
    const nearest = nearestName(name, FIELDS);
    const hint = nearest === undefined ? `The fields are ${FIELDS.join(', ')}.` : `Did you mean ${nearest}?`;
    throw invalid(`${place} has no field ${name}`, name, hint);
  }
  const { value, valueBase64 } = given as Fields;
  if (value !== undefined || valueBase64 !== undefined) return given;
  throw invalid(`${place} has no value`, given, 'Give value (null for a tombstone) or valueBase64.');
}

function queryFields(query: URLSearchParams): Fields {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of query) {
    if (!QUERY.some((field) => field === name)) {
      const nearest = nearestName(name, QUERY);
      const hint = nearest === undefined ? `There are ${QUERY.join(', ')}.` : `Did you mean ${nearest}?`;
      throw invalid(`there is no parameter ${name}`, name, hint);
    }
    const isNumber = name === 'partition' || name === 'timestampMs' || name === 'deliverAtMs';
    fields[name] = isNumber ? Number(value === '' ? Number.NaN : value) : value;
  }
  return fields;
}

function recordOf(topic: string, fields: Fields & { readonly valueBytes?: Uint8Array }, place: string): HttpRecord {
  const { valueBytes, partition, timestampMs, delay, deliverAtMs } = fields;
  const key = bytesOf(fields, 'key', place);
  const headers = headersOf(fields, place);
  return {
    topic,
    value: valueBytes ?? bytesOf(fields, 'value', place) ?? null,
    ...(key !== undefined && { key }),
    ...(headers.length > 0 && { headers }),
    ...(partition !== undefined && { partition: wholeNumber(partition, 'partition', place) }),
    ...(timestampMs !== undefined && { timestampMs: wholeNumber(timestampMs, 'timestampMs', place) }),
    ...(delay !== undefined && { delay: delay as string }),
    ...(deliverAtMs !== undefined && { deliverAt: new Date(wholeNumber(deliverAtMs, 'deliverAtMs', place)) }),
  };
}

function bytesOf(fields: Fields, name: 'key' | 'value', place: string): Bytes | undefined {
  const text = fields[name];
  const base64 = fields[`${name}Base64`];
  if (base64 !== undefined && text !== undefined) {
    throw invalid(`${place} has both ${name} and ${name}Base64`, fields, 'Give one of them.');
  }
  if (base64 !== undefined) return fromBase64(base64, `${name}Base64`, place);
  if (text === undefined || text === null || typeof text === 'string') return text;
  if (name === 'value') return JSON.stringify(text);
  throw invalid(`the key of ${place} is no text`, text, 'Give a text, or keyBase64.');
}

function headersOf({ headers, headersBase64 }: Fields, place: string): readonly (readonly [string, Bytes])[] {
  return [
    ...pairsOf(headers, 'headers', place),
    ...pairsOf(headersBase64, 'headersBase64', place).map(
      ([name, value]) => [name, value === null ? null : fromBase64(value, `header ${name}`, place)] as const,
    ),
  ];
}

function pairsOf(given: unknown, name: string, place: string): readonly (readonly [string, string | null])[] {
  if (given === undefined) return [];
  const pairs: readonly unknown[] | null = Array.isArray(given)
    ? given
    : isObject(given)
      ? Object.entries(given)
      : null;
  const isPair = (pair: unknown): pair is readonly [string, string | null] =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && isTextOrNull(pair[1]);
  if (pairs?.every(isPair)) return pairs;
  throw invalid(`${name} of ${place} are no headers`, given, 'Give {"name":"text"}, or [["name","text"]].');
}

function fromBase64(text: unknown, name: string, place: string): Uint8Array {
  if (typeof text === 'string' && text.length % 4 === 0 && BASE64.test(text)) return Buffer.from(text, 'base64');
  throw invalid(`${name} of ${place} is no base64`, text, 'Encode the bytes by the standard alphabet, with padding.');
}

function wholeNumber(value: unknown, name: string, place: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalid(`${name} of ${place} is no whole number from 0`, value, 'Give a number.');
}

const isTextOrNull = (value: unknown) => value === null || typeof value === 'string';

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', message, { value, hint });
}
