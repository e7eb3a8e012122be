/**
 * Filter criteria: which records of a topic are given to a function.
 *
 * A record is looked at as `{ topic, partition, offset, timestamp, key, value, headers: { name: [values] } }`. `key`, `value` and the values of headers are texts; where a pattern has fields for one of them it is parsed as JSON,
 * and what is no JSON does not match. A single JSON number, truth value or null also matches as what it is.
 */
import type { ReceivedEvent } from '../received-event.ts';
import { compilePattern, type EventPattern, type Json, matchesPattern } from './event-pattern.ts';

/** Whether a record is to be given. */
export type RecordFilter = (record: ReceivedEvent) => boolean;

/** Checks patterns; a record matches if one of them does, and every record if there are none. Throws INVALID_CONFIG. */
export function compileFilters(patterns: readonly unknown[]): RecordFilter {
  if (patterns.length === 0) return () => true;
  const compiled = patterns.map((pattern) => ({ pattern: compilePattern(pattern), parsed: parsedFields(pattern) }));
  return (record) => {
    const documents = new Map<string, Json>();
    return compiled.some(({ pattern, parsed }) => matchesRecord(record, pattern, parsed, documents));
  };
}

/** Which of key and value a pattern looks into. */
interface ParsedFields {
  readonly key: boolean;
  readonly value: boolean;
}

function parsedFields(pattern: unknown): ParsedFields {
  const looksInto = (name: string) => someObject(pattern, name);
  return { key: looksInto('key'), value: looksInto('value') };
}

/** Whether a pattern, or an alternative of it, has fields for `name`. */
function someObject(pattern: unknown, name: string): boolean {
  const fields = pattern as Readonly<Record<string, unknown>>;
  const own = fields[name];
  if (typeof own === 'object' && own !== null && !Array.isArray(own)) return true;
  return Array.isArray(fields.$or) && fields.$or.some((one) => typeof one === 'object' && someObject(one, name));
}

function matchesRecord(
  record: ReceivedEvent,
  pattern: EventPattern,
  parsed: ParsedFields,
  documents: Map<string, Json>,
): boolean {
  const kind = `${parsed.key} ${parsed.value}`;
  let document = documents.get(kind);
  if (document === undefined) {
    document = documentOf(record, parsed);
    documents.set(kind, document);
  }
  return matchesPattern(pattern, document);
}

const decoder = new TextDecoder();

function documentOf(record: ReceivedEvent, parsed: ParsedFields): Json {
  const headers: Record<string, Json[]> = Object.create(null);
  for (const { key, value } of record.headers) {
    headers[key] ??= [];
    headers[key].push(fieldOf(value, false));
  }
  return {
    topic: record.topic,
    partition: record.partition,
    offset: Number(record.offset),
    timestamp: Number(record.timestampMs),
    key: fieldOf(record.keyBytes, parsed.key),
    value: fieldOf(record.valueBytes, parsed.value),
    headers,
  };
}

/** A text, also as the JSON scalar that it may be; or what it is as JSON. */
function fieldOf(bytes: Uint8Array | null, isLookedInto: boolean): Json {
  if (bytes === null) return null;
  const text = decoder.decode(bytes);
  const json = parseJson(text);
  if (isLookedInto) return json ?? text;
  const isScalar = typeof json === 'number' || typeof json === 'boolean' || text === 'null';
  return isScalar ? [text, json as Json] : text;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
