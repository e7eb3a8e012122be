/**
 * What a produced batch must be before it is appended: whole, of format 2, undamaged, of consecutive offsets, and not larger than its topic allows. It is looked at once, as bytes; its records are
 * decoded only where the topic asks for something that stands inside. Source: Kafka's `ProduceRequest.validateRecords` and `LogValidator`.
 */
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { TopicConfig } from '../log/topic-config.ts';
import { type BatchHeader, parseBatchHeader, writeBatchHeader } from '../record/batch-header.ts';
import { decodeBatch, verifyBatch } from '../record/decode-batch.ts';
import { encodeBatch } from '../record/encode-batch.ts';
import { sealBatch } from '../record/seal-batch.ts';

/** A batch that may be appended. */
export interface CheckedBatch {
  readonly bytes: Uint8Array;
  readonly header: BatchHeader;
  /** The time that all its records got, or null where each keeps its own. */
  readonly logAppendTimeMs: bigint | null;
}

/** First version of Produce in which zstd may be used: KIP-110. */
const ZSTD_VERSION = 7;

function invalid(problem: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_RECORD', problem, { value, hint });
}

/**
 * Checks the one batch of a partition; bytes may be changed in place where the topic sets the timestamps. Throws INVALID_RECORD, CORRUPT_MESSAGE, UNSUPPORTED_FORMAT,
 * UNSUPPORTED_COMPRESSION_TYPE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP.
 */
export function checkBatch(
  records: Uint8Array | null,
  { config, apiVersion, clock }: { readonly config: TopicConfig; readonly apiVersion: number; readonly clock: Clock },
): CheckedBatch {
  if (records === null || records.length === 0) {
    throw invalid('a partition without a record batch', 0, 'Send one record batch for each partition.');
  }
  const header = parseBatchHeader(records);
  if (header.sizeBytes !== records.length) {
    const hint = 'Send one record batch for each partition.';
    throw invalid('more than one record batch for a partition', records.length - header.sizeBytes, hint);
  }
  checkSize(records.length, config);
  verifyBatch(records, header);
  checkHeader(header, apiVersion);
  if (config.messageTimestampType === 'LogAppendTime')
    return stamp(records, header, BigInt(Math.floor(clock.nowMs())), config);
  checkTimes(header, records, config, clock);
  return { ...recompressed(records, header, config), logAppendTimeMs: null };
}

function checkSize(bytes: number, { maxMessageBytes }: TopicConfig): void {
  if (bytes <= maxMessageBytes) return;
  throw new MillraceError('MESSAGE_TOO_LARGE', `a record batch of ${bytes} bytes, more than ${maxMessageBytes}`, {
    value: bytes,
    hint: 'Send smaller batches, or raise max.message.bytes of the topic.',
  });
}

function checkHeader(header: BatchHeader, apiVersion: number): void {
  const { recordCount, lastOffsetDelta, producerId, producerEpoch, baseSequence } = header;
  if (header.control) throw invalid('a control batch', true, 'Only brokers write control batches.');
  if (header.transactional) throw invalid('a transactional batch', true, 'Transactions are not supported.');
  if (recordCount < 1 || lastOffsetDelta !== recordCount - 1) {
    const problem = `a batch of ${recordCount} records that uses ${lastOffsetDelta + 1} offsets`;
    throw invalid(problem, { recordCount, lastOffsetDelta }, 'Give the records consecutive offsets from 0.');
  }
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

/** LogAppendTime: the largest timestamp of the batch becomes that of all its records. */
function stamp(records: Uint8Array, header: BatchHeader, nowMs: bigint, config: TopicConfig): CheckedBatch {
  const stamped: BatchHeader = { ...header, timestampType: 'LogAppendTime', maxTimestampMs: nowMs };
  writeBatchHeader(records, stamped);
  sealBatch(records);
  return { ...recompressed(records, parseBatchHeader(records), config), logAppendTimeMs: nowMs };
}

/** The largest timestamp stands in the header; the others are looked at only where the past has a bound. */
function checkTimes(header: BatchHeader, records: Uint8Array, config: TopicConfig, clock: Clock): void {
  const { messageTimestampAfterMaxMs: afterMs, messageTimestampBeforeMaxMs: beforeMs } = config;
  const nowMs = BigInt(Math.floor(clock.nowMs()));
  const check = (timestampMs: bigint) => {
    const problem = timestampMs - nowMs > afterMs ? 'future' : nowMs - timestampMs > beforeMs ? 'past' : null;
    if (problem === null) return;
    throw new MillraceError('INVALID_TIMESTAMP', `the timestamp ${timestampMs} is too far in the ${problem}`, {
      value: timestampMs,
      hint: `Correct the clock of the producer, or message.timestamp.${problem === 'future' ? 'after' : 'before'}.max.ms of the topic.`,
    });
  };
  check(header.maxTimestampMs);
  if (beforeMs >= nowMs) return;
  for (const { timestampMs } of decodeBatch(records, { verify: false })) check(timestampMs);
}

/** A topic may have a codec of its own; and records without a key have no place where the last one of each key is kept. */
function recompressed(
  bytes: Uint8Array,
  header: BatchHeader,
  config: TopicConfig,
): Pick<CheckedBatch, 'bytes' | 'header'> {
  const { compressionType, cleanupPolicy } = config;
  const isOther = compressionType !== 'producer' && compressionType !== header.compression;
  if (!isOther && !cleanupPolicy.includes('compact')) return { bytes, header };
  const decoded = decodeBatch(bytes, { verify: false });
  if (cleanupPolicy.includes('compact')) {
    for (let index = 0; index < decoded.recordCount; index++) {
      if (decoded.key(index) === null) {
        throw invalid('a record without a key in a topic that is compacted', index, 'Give every record a key.');
      }
    }
  }
  if (!isOther) return { bytes, header };
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
