/**
 * Filter criteria: which records of a topic are given to a function.
 *
 * A record is looked at as `{ topic, partition, offset, timestamp, key, value, headers: { name: [values] } }`. `key`, `value` and the values of headers are texts; where a pattern has fields for one of them it is parsed as JSON,
 * and what is no JSON does not match. A single JSON number, truth value or null also matches as what it is.
 */
import type { ReceivedEvent } from '../received-event.ts';
import { badPattern } from './bad-pattern.ts';
import { compilePattern, type EventPattern, type Json, matchesPattern } from './event-pattern.ts';

/** Whether a record is to be given. */
export type RecordFilter = (record: ReceivedEvent) => boolean;

/** Checks patterns; a record matches if one of them does, and every record if there are none. Throws INVALID_CONFIG. */
export function compileFilters(patterns: readonly unknown[]): RecordFilter {
  if (patterns.length === 0) return () => true;
  const compiled = patterns.map((pattern) => ({ pattern: compileOfRecord(pattern), looks: looksOf(pattern) }));
  return (record) => {
    const documents = new Map<string, Json>();
    return compiled.some(({ pattern, looks }) => matchesRecord(record, pattern, looks, documents));
  };
}

/** What a record is looked at as. */
const FIELDS = ['topic', 'partition', 'offset', 'timestamp', 'key', 'value', 'headers'];

/** A pattern that asks for another field matches no record, or each: what is meant stands in one of these, such as the `data` of a stream or the `body` of a message in `value`. */
function compileOfRecord(pattern: unknown): EventPattern {
  const compiled = compilePattern(pattern);
  checkFields(compiled);
  return compiled;
}

function checkFields({ fields, either }: EventPattern): void {
  const unknown = [...fields.keys()].find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw badPattern([unknown], `a record has ${FIELDS.join(', ')}`);
  for (const alternatives of either) alternatives.forEach(checkFields);
}

/** How a pattern looks at a field: not at all, as a text, or into it. */
type Look = 'absent' | 'text' | 'json';

interface Looks {
  readonly key: Look;
  readonly value: Look;
}

function looksOf(pattern: unknown): Looks {
  return { key: lookOf(pattern, 'key'), value: lookOf(pattern, 'value') };
}

/** By a pattern, or by an alternative of it. */
function lookOf(pattern: unknown, name: string): Look {
  const fields = pattern as Readonly<Record<string, unknown>>;
  const own = fields[name];
  if (typeof own === 'object' && own !== null && !Array.isArray(own)) return 'json';
  const alternatives = Array.isArray(fields.$or)
    ? fields.$or.filter((one) => typeof one === 'object' && one !== null)
    : [];
  const looks = alternatives.map((one) => lookOf(one, name));
  if (looks.includes('json')) return 'json';
  return own !== undefined || looks.includes('text') ? 'text' : 'absent';
}

function matchesRecord(
  record: ReceivedEvent,
  pattern: EventPattern,
  looks: Looks,
  documents: Map<string, Json>,
): boolean {
  const kind = `${looks.key} ${looks.value}`;
  let document = documents.get(kind);
  if (document === undefined) {
    document = documentOf(record, looks);
    documents.set(kind, document);
  }
  return matchesPattern(pattern, document);
}

const decoder = new TextDecoder();

/** What no rule looks at is not decoded. */
function documentOf(record: ReceivedEvent, looks: Looks): Json {
  const headers: Record<string, Json[]> = Object.create(null);
  for (const { key, value } of record.headers) {
    headers[key] ??= [];
    headers[key].push(textOf(value));
  }
  return {
    topic: record.topic,
    partition: record.partition,
    offset: Number(record.offset),
    timestamp: Number(record.timestampMs),
    key: fieldOf(record.keyBytes, looks.key),
    value: fieldOf(record.valueBytes, looks.value),
    headers,
  };
}

function fieldOf(bytes: Uint8Array | null, look: Look): Json {
  if (look === 'absent' || bytes === null) return null;
  if (look === 'text') return textOf(bytes);
  const text = decoder.decode(bytes);
  return parseJson(text) ?? text;
}

/** A text, also as the number, truth value or null that it may be. */
function textOf(bytes: Uint8Array | null): Json {
  if (bytes === null) return null;
  const text = decoder.decode(bytes);
  // Nothing longer is a scalar that anybody compares with, and nothing else is worth parsing.
  const json = text.length <= MAX_SCALAR_CHARACTERS && SCALAR.test(text) ? parseJson(text) : undefined;
  return json === undefined ? text : [text, json];
}

const MAX_SCALAR_CHARACTERS = 40;
const SCALAR = /^(?:-?\d|true$|false$|null$)/;

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
