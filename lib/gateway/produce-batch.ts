/**
 * What a produced batch must be before it is appended: whole, of format 2, undamaged, of consecutive offsets, and not larger than its topic allows. Its records are walked as bytes, so that what every
 * reader will have to decode can be decoded; they are decoded only where the topic asks for another codec. Source: Kafka's `ProduceRequest.validateRecords` and `LogValidator`.
 */
import type { Clock } from '../clock.ts';
import { hasCode, MillraceError } from '../errors.ts';
import type { TopicConfig } from '../log/topic-config.ts';
import {
  BATCH_CRC_START,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  type BatchHeader,
  parseBatchHeader,
  writeBatchHeader,
} from '../record/batch-header.ts';
import { type CheckedRecords, checkRecords } from '../record/check-records.ts';
import { crc32c } from '../record/crc32c.ts';
import { decodeBatch, decompressRecords, verifyBatch } from '../record/decode-batch.ts';
import { encodeBatch } from '../record/encode-batch.ts';
import { sealBatch } from '../record/seal-batch.ts';

/** A batch that may be appended. */
export interface CheckedBatch {
  readonly bytes: Uint8Array;
  readonly header: BatchHeader;
  /** The time that all its records got, or null where each keeps its own. */
  readonly logAppendTimeMs: bigint | null;
}

/** Records may decompress to so many times what their topic allows for a batch: less than any reader takes, and far more than compression saves on what is no attack. */
const GROWTH_MAX = 64;
/** Kafka's `RecordBatch.NO_TIMESTAMP`. */
const NO_TIMESTAMP = -1n;
/** First version of Produce in which zstd may be used: KIP-110. */
const ZSTD_VERSION = 7;

function invalid(problem: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_RECORD', problem, { value, hint });
}

/** How a batch is checked. */
export interface BatchCheck {
  readonly config: TopicConfig;
  readonly apiVersion: number;
  readonly clock: Clock;
  /** Told how many bytes were looked at. */
  readonly spend?: (bytes: number) => void;
}

/**
 * Checks the one batch of a partition; bytes may be changed in place where the topic sets the timestamps, or the largest one is not what the batch says. Throws INVALID_RECORD, CORRUPT_MESSAGE,
 * UNSUPPORTED_FORMAT, UNSUPPORTED_COMPRESSION_TYPE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP.
 */
export function checkBatch(records: Uint8Array | null, check: BatchCheck): CheckedBatch {
  const { config, apiVersion, clock } = check;
  if (records === null || records.length === 0) {
    throw invalid('a partition without a record batch', 0, 'Send one record batch for each partition.');
  }
  check.spend?.(records.length);
  const header = parseHeader(records);
  if (header.sizeBytes !== records.length) {
    const hint = 'Send one record batch for each partition.';
    throw invalid('more than one record batch for a partition', records.length - header.sizeBytes, hint);
  }
  checkSize(records.length, config);
  verifyBatch(records, header);
  checkHeader(header, apiVersion);
  const checked = checkInside(records, header, check);
  if (config.messageTimestampType === 'LogAppendTime') {
    const logAppendTimeMs = BigInt(Math.floor(clock.nowMs()));
    const stamped = restamped(records, { ...header, timestampType: 'LogAppendTime', maxTimestampMs: logAppendTimeMs });
    return { ...recompressed(records, stamped, config), logAppendTimeMs };
  }
  checkTimes(checked, config, clock);
  const { maxTimestampMs } = checked;
  // Look-ups by time go by what the batch says. Kafka corrects it too.
  const isRight = header.maxTimestampMs === maxTimestampMs;
  const right = isRight ? header : restamped(records, { ...header, maxTimestampMs });
  return { ...recompressed(records, right, config), logAppendTimeMs: null };
}

/** Looks at all records of a batch whose CRC is right: what is wrong with them was so when it was made, and sending it again is of no use. */
function checkInside(records: Uint8Array, header: BatchHeader, { config, spend }: BatchCheck): CheckedRecords {
  try {
    const { payload, start } = decompressRecords(records, header, config.maxMessageBytes * GROWTH_MAX);
    if (start === 0) spend?.(payload.length);
    const checked = checkRecords(payload, start, header);
    if (checked.firstWithoutKey < 0 || !config.cleanupPolicy.includes('compact')) return checked;
    const index = checked.firstWithoutKey;
    throw invalid('a record without a key in a topic that is compacted', index, 'Give every record a key.');
  } catch (error) {
    if (!hasCode(error, 'CORRUPT_MESSAGE')) throw error;
    const { message } = error as MillraceError;
    throw invalid(`records that cannot be read: ${message}`, null, 'Send record batches that a Kafka client has made.');
  }
}

function parseHeader(records: Uint8Array): BatchHeader {
  try {
    return parseBatchHeader(records);
  } catch (error) {
    if (!hasCode(error, 'CORRUPT_MESSAGE') || records.length < BATCH_HEADER_BYTES) throw error;
    // What was sent so is no accident of the way here.
    if (claimedBytes(records) > records.length) throw cutOff(records.length);
    if (isIntact(records)) checkCounts(countsOf(records));
    throw error;
  }
}

/** Whether the CRC is right, whatever stands under it. */
function isIntact(records: Uint8Array): boolean {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  return claimedBytes(records) === records.length && crc32c(records.subarray(BATCH_CRC_START)) === view.getUint32(17);
}

function claimedBytes(records: Uint8Array): number {
  return new DataView(records.buffer, records.byteOffset, records.length).getInt32(8) + BATCH_PREFIX_BYTES;
}

function cutOff(bytes: number): MillraceError {
  return invalid('a record batch that is cut off', bytes, 'Send whole record batches.');
}

function countsOf(records: Uint8Array): Pick<BatchHeader, 'recordCount' | 'lastOffsetDelta'> {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  return { lastOffsetDelta: view.getInt32(23), recordCount: view.getInt32(57) };
}

function checkCounts({ recordCount, lastOffsetDelta }: Pick<BatchHeader, 'recordCount' | 'lastOffsetDelta'>): void {
  if (recordCount >= 1 && lastOffsetDelta === recordCount - 1) return;
  const problem = `a batch of ${recordCount} records that uses ${lastOffsetDelta + 1} offsets`;
  throw invalid(problem, { recordCount, lastOffsetDelta }, 'Give the records consecutive offsets from 0.');
}

function checkSize(bytes: number, { maxMessageBytes }: TopicConfig): void {
  if (bytes <= maxMessageBytes) return;
  throw new MillraceError('MESSAGE_TOO_LARGE', `a record batch of ${bytes} bytes, more than ${maxMessageBytes}`, {
    value: bytes,
    hint: 'Send smaller batches, or raise max.message.bytes of the topic.',
  });
}

function checkHeader(header: BatchHeader, apiVersion: number): void {
  const { producerId, producerEpoch, baseSequence } = header;
  if (header.control) throw invalid('a control batch', true, 'Only brokers write control batches.');
  if (header.transactional) throw invalid('a transactional batch', true, 'Transactions are not supported.');
  checkCounts(header);
  if (producerId >= 0n && (producerEpoch < 0 || baseSequence < 0)) {
    const problem = `the producer ${producerId} with epoch ${producerEpoch} and sequence ${baseSequence}`;
    throw invalid(problem, { producerEpoch, baseSequence }, 'An idempotent producer counts both from 0.');
  }
  if (header.timestampType === 'LogAppendTime') {
    throw new MillraceError('INVALID_TIMESTAMP', 'a batch whose timestamps are said to be those of the log', {
      value: header.timestampType,
      hint: 'Send CreateTime; the topic decides whose time it keeps.',
    });
  }
  if (header.compression === 'zstd' && apiVersion < ZSTD_VERSION) {
    throw new MillraceError('UNSUPPORTED_COMPRESSION_TYPE', `zstd in version ${apiVersion} of Produce`, {
      value: 'zstd',
      hint: 'Use a client that knows Produce version 7.',
    });
  }
}

/** Writes another header over a batch, in place; LogAppendTime: the largest timestamp of the batch becomes that of all its records. */
function restamped(records: Uint8Array, header: BatchHeader): BatchHeader {
  writeBatchHeader(records, header);
  sealBatch(records);
  return parseBatchHeader(records);
}

function checkTimes({ minTimestampMs, maxTimestampMs }: CheckedRecords, config: TopicConfig, clock: Clock): void {
  const { messageTimestampAfterMaxMs: afterMs, messageTimestampBeforeMaxMs: beforeMs } = config;
  const nowMs = BigInt(Math.floor(clock.nowMs()));
  for (const timestampMs of [minTimestampMs, maxTimestampMs]) {
    if (timestampMs === NO_TIMESTAMP) continue;
    const problem = timestampMs - nowMs > afterMs ? 'future' : nowMs - timestampMs > beforeMs ? 'past' : null;
    if (problem === null) continue;
    throw new MillraceError('INVALID_TIMESTAMP', `the timestamp ${timestampMs} is too far in the ${problem}`, {
      value: timestampMs,
      hint: `Correct the clock of the producer, or message.timestamp.${problem === 'future' ? 'after' : 'before'}.max.ms of the topic.`,
    });
  }
}

/** A topic may have a codec of its own. */
function recompressed(
  bytes: Uint8Array,
  header: BatchHeader,
  config: TopicConfig,
): Pick<CheckedBatch, 'bytes' | 'header'> {
  const { compressionType } = config;
  if (compressionType === 'producer' || compressionType === header.compression) return { bytes, header };
  const decoded = decodeBatch(bytes, { verify: false });
  const { timestampType, producerId, producerEpoch, baseSequence } = header;
  const encoded = encodeBatch([...decoded], {
    compression: compressionType,
    timestampType,
    producerId,
    producerEpoch,
    baseSequence,
  });
  return { bytes: encoded, header: parseBatchHeader(encoded) };
}
