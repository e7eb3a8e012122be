import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, type BatchHeader } from '../../lib/record/batch-header.ts';
import { compressionTypes, decompress } from '../../lib/record/compression.ts';
import { decodeControlRecord } from '../../lib/record/control-record.ts';
import { decodeBatch, type EncodedBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { describeRecord, type ExpectedBatch, readFixtures } from './golden-fixtures.ts';

const fixtures = readFixtures();

const INFLATED_MAX = 1024 * 1024;

/** A header in the form of the expectations. */
function describeHeader({ position, header }: EncodedBatch): Omit<ExpectedBatch, 'magic' | 'records'> {
  return {
    position,
    sizeBytes: header.sizeBytes,
    baseOffset: String(header.baseOffset),
    lastOffset: String(header.baseOffset + BigInt(header.lastOffsetDelta)),
    partitionLeaderEpoch: header.partitionLeaderEpoch,
    crc: header.crc,
    compression: header.compression,
    timestampType: header.timestampType,
    transactional: header.transactional,
    control: header.control,
    deleteHorizonMs: header.hasDeleteHorizon ? String(header.baseTimestampMs) : null,
    baseTimestampMs: String(header.baseTimestampMs),
    maxTimestampMs: String(header.maxTimestampMs),
    producerId: String(header.producerId),
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    recordCount: header.recordCount,
  };
}

/**
 * Why the bytes of a batch do not follow from its records alone; undefined when they do, and ours must then be the same to the last byte.
 */
function whyNotReproducible(batch: ExpectedBatch): string | undefined {
  if (batch.recordCount === 0) return 'compaction emptied it, and we write no empty batch';
  if (batch.deleteHorizonMs !== null) return 'its base timestamp is a delete horizon';
  if (BigInt(batch.lastOffset) - BigInt(batch.baseOffset) + 1n !== BigInt(batch.recordCount))
    return 'compaction left gaps';
  if (batch.timestampType === 'LogAppendTime')
    return "the deltas are those of the producer's timestamps, which nobody reads any more";
  // Java, librdkafka, @platformatic/kafka and we count from the first record, kafkajs from the earliest.
  if (batch.baseTimestampMs !== batch.records[0]![1]) return 'its base timestamp is not that of the first record';
  return undefined;
}

/** Encodes the records of a batch again, as they were read. */
function encodeAgain(encoded: EncodedBatch, compression: BatchHeader['compression']): Uint8Array {
  return encodeBatch([...decodeBatch(encoded.bytes)], { ...encoded.header, compression });
}

describe.each(fixtures)('the log segment $name', ({ bytes, batches }) => {
  const encoded = [...splitBatches(bytes)];

  it('splits into batches with the headers that Kafka reads', () => {
    expect(encoded.map(describeHeader)).toEqual(
      batches.map(({ magic: _magic, records: _records, marker: _marker, ...header }) => header),
    );
  });

  it('decodes, CRC compared, to the records that Kafka reads', () => {
    const decoded = encoded.map((batch) => [...decodeBatch(batch.bytes, { verify: true })].map(describeRecord));
    expect(decoded).toEqual(batches.map(({ records }) => records));
  });

  it('fails its CRC when the last byte of any batch is another', () => {
    for (const batch of encoded) {
      const damaged = Uint8Array.from(batch.bytes);
      damaged[damaged.length - 1]! ^= 1;
      expect(() => decodeBatch(damaged)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }));
    }
  });

  it('has the transaction markers that Kafka reads', () => {
    const markers = encoded
      .filter(({ header }) => header.control)
      .map((batch) => decodeControlRecord(decodeBatch(batch.bytes).record(0)));
    expect(markers).toEqual(batches.flatMap(({ marker }) => marker ?? []));
  });

  it('is encoded by us to the same bytes, before compression, wherever bytes follow from records', () => {
    for (const [index, batch] of encoded.entries()) {
      if (whyNotReproducible(batches[index]!) !== undefined) continue;
      const { compression } = batch.header;
      if (compression === 'none') {
        expect(Buffer.from(encodeAgain(batch, 'none'))).toEqual(Buffer.from(batch.bytes));
        continue;
      }
      // Two compressors make different bytes of the same records, so what they hold is compared.
      const payload = decompress(compression, batch.bytes.subarray(BATCH_HEADER_BYTES), INFLATED_MAX);
      expect(Buffer.from(encodeAgain(batch, 'none').subarray(BATCH_HEADER_BYTES))).toEqual(Buffer.from(payload));
    }
  });
});

interface GoldenBatch {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly expected: ExpectedBatch;
}

describe('the fixtures together', () => {
  const all: GoldenBatch[] = fixtures.flatMap(({ name, bytes, batches }) =>
    [...splitBatches(bytes)].map((encoded, index) => ({ name, bytes: encoded.bytes, expected: batches[index]! })),
  );
  const isJava = ({ name }: GoldenBatch) => name.startsWith('java-');
  const isOf = ({ expected }: GoldenBatch, codec: string) => expected.compression === codec;
  const isXerial = ({ bytes }: GoldenBatch) =>
    Buffer.from(bytes.subarray(BATCH_HEADER_BYTES + 1, BATCH_HEADER_BYTES + 7)).toString('latin1') === 'SNAPPY';
  const hasContentChecksum = ({ bytes }: GoldenBatch) => (bytes[BATCH_HEADER_BYTES + 4]! & 0x04) !== 0;

  it('come from six clients', () => {
    expect(new Set(fixtures.map(({ name }) => name.split('-')[0]))).toEqual(
      new Set(['java', 'librdkafka', 'kafkajs', 'platformatic', 'sarama', 'franz']),
    );
  });

  it('hold every codec of the Java client, with the time of the producer and with that of the log', () => {
    const pairs = all.filter(isJava).map(({ expected }) => `${expected.compression} ${expected.timestampType}`);
    expect(new Set(pairs).size).toBe(2 * compressionTypes.length);
  });

  it.each<[string, (batch: GoldenBatch) => boolean]>([
    ['snappy in the framing of xerial', (batch) => isOf(batch, 'snappy') && isXerial(batch)],
    ['snappy as one plain block', (batch) => isOf(batch, 'snappy') && !isXerial(batch)],
    ['lz4 with a checksum of the content', (batch) => isOf(batch, 'lz4') && hasContentChecksum(batch)],
    ['lz4 without a checksum of the content', (batch) => isOf(batch, 'lz4') && !hasContentChecksum(batch)],
    ['a batch that compaction emptied', ({ expected }) => expected.recordCount === 0],
    ['a batch with a delete horizon', ({ expected }) => expected.deleteHorizonMs !== null],
    ['a batch with gaps', ({ expected }) => whyNotReproducible(expected) === 'compaction left gaps'],
    ['a marker of a commit', ({ expected }) => expected.marker?.type === 'COMMIT'],
    ['a marker of an abort', ({ expected }) => expected.marker?.type === 'ABORT'],
    ['a batch of a producer with a sequence', ({ expected }) => expected.baseSequence > 0],
    [
      'uncompressed bytes of Java that we make again',
      (batch) => isJava(batch) && isOf(batch, 'none') && whyNotReproducible(batch.expected) === undefined,
    ],
  ])('hold %s', (_what, matches) => {
    expect(all.filter(matches)).not.toHaveLength(0);
  });
});
