import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { Fetcher } from '../log/fetcher.ts';
import type { ListOffsetsDeps, ReadablePartition } from '../log/list-offsets.ts';
import { decodeBatch } from '../record/decode-batch.ts';
import type { LogRecord } from '../record/record.ts';
import { type FetchRequest, MAX_ANSWER_BYTES } from './fetch-request.ts';
import { type HttpResponse, jsonResponse } from './http-message.ts';
import { offsetOf } from './offset-of.ts';

/** What it needs. */
export interface FetchRecordsDeps {
  readonly store: ListOffsetsDeps['store'];
  readonly fetcher: Pick<Fetcher, 'fetch' | 'locate'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Of one read: what an answer can hold. */
export const READ_BYTES = 4 * 1024 * 1024;
/** Between two looks of one who waits: at first, and at most. */
const LOOK_MS = { first: 100, most: 1_000 };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What was read, as JSON texts, and where to go on. */
interface ReadRecords {
  readonly texts: readonly string[];
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
}

/** Reads a partition from a position on; waits for a record where there is none yet. Throws OFFSET_OUT_OF_RANGE, MESSAGE_TOO_LARGE for a record that fits into no answer, UNKNOWN_TOPIC_OR_PARTITION, and what the store throws. */
export async function fetchRecords(
  deps: FetchRecordsDeps,
  target: ReadablePartition,
  request: FetchRequest,
): Promise<HttpResponse> {
  const { clock } = deps;
  const untilMs = clock.monotonicMs() + request.waitMs;
  let offset = await offsetOf(deps, target, request.from);
  for (let lookMs = LOOK_MS.first; ; lookMs = Math.min(lookMs * 2, LOOK_MS.most)) {
    const read = await readOnce(deps, target, offset, request);
    offset = read.nextOffset;
    const leftMs = untilMs - clock.monotonicMs();
    // Behind control batches, or what was thinned out, there may be more at once.
    const isAtEnd = read.nextOffset >= read.highWatermark;
    if (read.texts.length > 0 || (isAtEnd && leftMs <= 0)) return answer(read);
    if (isAtEnd) await clock.sleep(Math.min(lookMs, leftMs));
  }
}

function answer({ texts, nextOffset, highWatermark, logStartOffset }: ReadRecords): HttpResponse {
  const { body, ...response } = jsonResponse(200, { nextOffset, highWatermark, logStartOffset });
  return { ...response, body: `{"records":[${texts.join(',')}],${body.slice(1)}` };
}

async function readOnce(
  { fetcher }: FetchRecordsDeps,
  target: ReadablePartition,
  offset: bigint,
  request: FetchRequest,
): Promise<ReadRecords> {
  const maxBytes = Math.min(READ_BYTES, request.maxBytes);
  const [fetched] = await fetcher.fetch([{ ...target, offset, maxBytes }], { maxBytes, consistent: true });
  if (fetched!.outcome === 'failed') throw fetched!.error;
  const { batches, highWatermark, logStartOffset } = fetched!;
  const texts: string[] = [];
  let nextOffset = fetched!.nextOffset;
  let bytes = 0;
  for (const record of recordsFrom(batches, offset)) {
    const text = recordText(record, request.encoding);
    bytes += Buffer.byteLength(text) + 1;
    if (texts.length === 0 && bytes > MAX_ANSWER_BYTES) throw tooLarge(record.offset, bytes);
    if (texts.length > 0 && (texts.length >= request.maxRecords || bytes > request.maxBytes)) {
      nextOffset = record.offset;
      break;
    }
    texts.push(text);
  }
  return { texts, nextOffset, highWatermark, logStartOffset };
}

function* recordsFrom(batches: readonly Uint8Array[], offset: bigint): Generator<LogRecord> {
  for (const bytes of batches) {
    const batch = decodeBatch(bytes);
    if (batch.header.control) continue;
    for (const record of batch) if (record.offset >= offset) yield record;
  }
}

function recordText(
  { offset, timestampMs, key, value, headers }: LogRecord,
  encoding: FetchRequest['encoding'],
): string {
  const named = headers.map((header) => [header.key, shown('value', header.value, encoding)]);
  const { body } = jsonResponse(200, {
    offset,
    timestampMs,
    ...shown('key', key, encoding),
    ...shown('value', value, encoding),
    headers: named.map(([name, of]) => ({ name, ...(of as object) })),
  });
  return body;
}

/** `key`, or `keyBase64` for what is no text. */
function shown(name: 'key' | 'value', bytes: Uint8Array | null, encoding: FetchRequest['encoding']): object {
  const text = bytes === null ? null : encoding === 'text' ? textOf(bytes) : undefined;
  if (text !== undefined) return { [name]: text };
  return { [`${name}Base64`]: Buffer.from(bytes!.buffer, bytes!.byteOffset, bytes!.length).toString('base64') };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function tooLarge(offset: bigint, bytes: number): MillraceError {
  return new MillraceError('MESSAGE_TOO_LARGE', `the record at offset ${offset} takes ${bytes} bytes of an answer`, {
    value: offset,
    hint: `An answer has ${MAX_ANSWER_BYTES} bytes. Read this record by its range, GET …/ranges?offset=${offset}, and go on here at offset ${offset + 1n}.`,
  });
}
