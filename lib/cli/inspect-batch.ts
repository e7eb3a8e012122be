import { MillraceError } from '../errors.ts';
import { decodeControlRecord } from '../record/control-record.ts';
import type { EncodedBatch } from '../record/decode-batch.ts';
import { decodeBatch, splitBatches } from '../record/decode-batch.ts';
import type { DecodedBatch } from '../record/decoded-batch.ts';
import { isPack, isSegment } from './read-inspected.ts';
import { bytesToJson } from './record-format.ts';
import { table } from './table.ts';

type InspectedRecord = ReturnType<typeof recordFields>;
type InspectedBatch = ReturnType<typeof inspect>;

/** The record batches that fill `bytes`. Throws CORRUPT_MESSAGE, UNSUPPORTED_FORMAT. */
export function inspectBatches(bytes: Uint8Array, withRecords: boolean): readonly InspectedBatch[] {
  if (bytes.length === 0) throw nothingThere('there is no record batch in the file', 'The file is empty.');
  if (isSegment(bytes)) {
    const hint = 'Use inspect segment, or --position for one of its batches: the first stands at byte 8.';
    throw nothingThere('the file is a segment, which holds more than record batches', hint);
  }
  if (isPack(bytes)) {
    const hint = 'Use inspect pack for its objects, and inspect segment for one of them by its key.';
    throw nothingThere('the file is a pack, which holds objects', hint);
  }
  return [...splitBatches(bytes)].map((batch) => inspect(batch, 0, withRecords));
}

/** The record batch that begins at `position`. Throws as `inspectBatches`. */
export function inspectBatchAt(bytes: Uint8Array, position: number, withRecords: boolean): InspectedBatch {
  for (const batch of splitBatches(bytes.subarray(position))) return inspect(batch, position, withRecords);
  const hint = `Give a position below ${bytes.length}, the size of the file.`;
  throw nothingThere(`there is no record batch at byte ${position}`, hint);
}

function nothingThere(message: string, hint: string): MillraceError {
  return new MillraceError('CORRUPT_MESSAGE', message, { hint });
}

function inspect({ position, header, bytes }: EncodedBatch, basePosition: number, withRecords: boolean) {
  const decoded = decodeBatch(bytes);
  const records = withRecords ? { records: [...decoded].map(recordFields) } : {};
  return { position: basePosition + position, ...header, ...markerOf(decoded), ...records };
}

/** What a control batch says: how a transaction ended. */
function markerOf(batch: DecodedBatch): { readonly marker?: 'ABORT' | 'COMMIT' } {
  const isMarker = batch.header.control && batch.recordCount > 0;
  return isMarker ? { marker: decodeControlRecord(batch.record(0)).type } : {};
}

function recordFields(record: ReturnType<DecodedBatch['record']>) {
  const { offset, timestampMs, key, value, headers } = record;
  return {
    offset,
    timestampMs,
    key: bytesToJson(key),
    value: bytesToJson(value),
    headers: headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) })),
  };
}

/** Record batches for people. */
export function batchesText(batches: readonly InspectedBatch[]): string {
  return batches.map(batchText).join('\n\n');
}

function batchText({ records, ...header }: InspectedBatch & { readonly records?: readonly InspectedRecord[] }): string {
  const fields = table(['field', 'value'], Object.entries(header));
  if (!records) return fields;
  const rows = records.map(({ offset, timestampMs, key, value, headers }) => {
    const named = headers.map((header) => `${shown(header.key)}=${shown(header.value)}`).join(' ');
    return [offset, timestampMs, shown(key), shown(value), named];
  });
  return `${fields}\n\n${table(['offset', 'timestamp', 'key', 'value', 'headers'], rows)}`;
}

/** On one line, and without what a terminal would obey. */
export function shown(value: unknown): string {
  return typeof value === 'string' && !/\p{Cc}/u.test(value) ? value : JSON.stringify(value);
}
