/**
 * The format of `consume -f`, after kcat's: text with `%` fields and backslash escapes.
 *
 * | field | |
 * |---|---|
 * | `%t` `%p` `%o` | topic, partition, offset |
 * | `%k` `%s` | key and value, their bytes as they are; nothing for null |
 * | `%K` `%S` | their lengths in bytes, -1 for null |
 * | `%T` | timestamp in milliseconds since 1970 |
 * | `%h` | headers, `name=value,name=value` |
 * | `%%` | a percent sign |
 *
 * Escapes: `\n` `\r` `\t` `\0` `\\` `\xHH`.
 */
import type { ReceivedRecord } from '../client/received-record.ts';
import { UsageError } from './cli-errors.ts';

/** Turns a record into the bytes that are printed. */
export type RecordFormat = (record: ReceivedRecord) => Uint8Array;

type Part = Uint8Array | ((record: ReceivedRecord) => Uint8Array);

const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
const NOTHING = new Uint8Array(0);

const FIELDS: Readonly<Record<string, Part>> = {
  t: ({ topic }) => text(topic),
  p: ({ partition }) => text(String(partition)),
  o: ({ offset }) => text(String(offset)),
  k: ({ key }) => key ?? NOTHING,
  s: ({ value }) => value ?? NOTHING,
  K: ({ key }) => text(String(key?.length ?? -1)),
  S: ({ value }) => text(String(value?.length ?? -1)),
  T: ({ timestampMs }) => text(String(timestampMs)),
  h: ({ headers }) => Buffer.concat(headers.flatMap(headerBytes)),
  '%': text('%'),
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', '\\': '\\' };

function headerBytes({ key, value }: ReceivedRecord['headers'][number], index: number): readonly Uint8Array[] {
  return [text(`${index > 0 ? ',' : ''}${key}=`), value ?? text('NULL')];
}

/** Parses a format. Throws UsageError for an unknown field or escape. */
export function parseRecordFormat(format: string): RecordFormat {
  const parts: Part[] = [];
  const token = /%(.)|\\x([0-9a-fA-F]{2})|\\(.)|[^%\\]+|[%\\]$/gsu;
  for (const match of format.matchAll(token)) parts.push(partOf(match));
  return (record) => Buffer.concat(parts.map((part) => (typeof part === 'function' ? part(record) : part)));
}

function partOf([whole, field, hex, escaped]: RegExpMatchArray): Part {
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  if (field !== undefined && FIELDS[field]) return FIELDS[field];
  if (escaped !== undefined && ESCAPES[escaped] !== undefined) return text(ESCAPES[escaped]);
  if (/^[%\\]/.test(whole)) {
    const hint = 'Fields: %t %p %o %k %s %K %S %T %h %%; escapes: \\n \\r \\t \\0 \\\\ \\xHH.';
    throw new UsageError(
      `the format has an unknown ${whole.startsWith('%') ? 'field' : 'escape'} ${whole}`,
      hint,
      whole,
    );
  }
  return text(whole);
}

/** Every byte counts: a byte order mark stays. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text where the bytes are UTF-8, else `{ base64 }`, null for null. */
export function bytesToJson(bytes: Uint8Array | null): string | { readonly base64: string } | null {
  if (bytes === null) return null;
  try {
    return utf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

/** A record for `-J`: one object. */
export function recordToJson(record: ReceivedRecord): object {
  const { topic, partition, offset, timestampMs, key, value, headers } = record;
  return {
    topic,
    partition,
    offset,
    timestampMs,
    key: bytesToJson(key),
    value: bytesToJson(value),
    headers: headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) })),
  };
}
