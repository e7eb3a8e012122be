/**
 * Whether records are what their batch says: walked once, byte by byte, without making anything of them. What passes can be decoded by everybody who reads it later. Source: Kafka's `DefaultRecord.readFrom`
 * and `LogValidator`.
 */
import { limits } from '../limits.ts';
import type { BatchHeader } from './batch-header.ts';
import { corruptMessage } from './corrupt-message.ts';
import { VarintReader } from './varint.ts';

/** What the records of a batch have in common. Milliseconds; both are the base timestamp's when there are no records. */
export interface CheckedRecords {
  readonly minTimestampMs: bigint;
  readonly maxTimestampMs: bigint;
  /** The first record without a key, −1 when every record has one. */
  readonly firstWithoutKey: number;
}

const WHERE = 'the records';
const I64_MAX = 2n ** 63n - 1n;
const I64_MIN = -(2n ** 63n);

/** Checks the records that begin at `start` of a payload that was decompressed, and fill it. Throws CORRUPT_MESSAGE. */
export function checkRecords(payload: Uint8Array, start: number, header: BatchHeader): CheckedRecords {
  const reader = new VarintReader(payload, start);
  const { recordCount, baseTimestampMs } = header;
  let least: number | bigint = 0;
  let most: number | bigint = 0;
  let firstWithoutKey = -1;
  for (let index = 0; index < recordCount; index++) {
    const end = openRecord(reader, index, payload.length);
    const timestampDelta = reader.readVarlongExact();
    if (index === 0 || timestampDelta < least) least = timestampDelta;
    if (index === 0 || timestampDelta > most) most = timestampDelta;
    const offsetDelta = reader.readVarint();
    if (offsetDelta !== index) throw damaged(index, `the offset delta ${offsetDelta}`, reader);
    if (skipBytes(reader, index) < 0 && firstWithoutKey < 0) firstWithoutKey = index;
    skipBytes(reader, index);
    skipHeaders(reader, index);
    if (reader.position !== end) throw damaged(index, `${end - reader.position} bytes too many`, reader);
  }
  const left = payload.length - reader.position;
  if (left !== 0) throw corruptMessage(`${left} bytes follow the last record`, reader.position, WHERE);
  const minTimestampMs = baseTimestampMs + BigInt(least);
  const maxTimestampMs = baseTimestampMs + BigInt(most);
  if (minTimestampMs < I64_MIN || maxTimestampMs > I64_MAX) {
    throw corruptMessage('A timestamp does not fit 64 bits', start, WHERE);
  }
  return { minTimestampMs, maxTimestampMs, firstWithoutKey };
}

/** Reads the length and the attributes of a record, which are unused; where it ends. */
function openRecord(reader: VarintReader, index: number, payloadBytes: number): number {
  reader.end = payloadBytes;
  const bodyBytes = reader.readVarint();
  const end = reader.position + bodyBytes;
  if (bodyBytes < 1 || end > payloadBytes) {
    throw damaged(index, `${bodyBytes} of ${payloadBytes - reader.position} bytes`, reader);
  }
  reader.end = end;
  reader.position++;
  return end;
}

/** Passes over a length and so many bytes; the length, −1 for null. */
function skipBytes(reader: VarintReader, index: number): number {
  const length = reader.readVarint();
  if (length < -1 || length > reader.end - reader.position) {
    throw damaged(index, `${length} of ${reader.end - reader.position} bytes`, reader);
  }
  if (length > 0) reader.position += length;
  return length;
}

function skipHeaders(reader: VarintReader, index: number): void {
  const count = reader.readVarint();
  if (count < 0 || count > limits.headersPerRecord) throw damaged(index, `${count} headers`, reader);
  for (let number = 0; number < count; number++) {
    if (skipBytes(reader, index) < 0) throw damaged(index, 'a header without a key', reader);
    skipBytes(reader, index);
  }
}

function damaged(index: number, problem: string, { position }: VarintReader) {
  return corruptMessage(`Record ${index} has ${problem}`, position, WHERE);
}
