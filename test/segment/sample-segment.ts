import fc from 'fast-check';
import {
  BATCH_HEADER_BYTES,
  parseBatchHeader,
  RECORD_BYTES_MIN,
  writeBatchHeader,
} from '../../lib/record/batch-header.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';
import type { ChunkRegionInput, RegionInput, SegmentInput } from '../../lib/segment/encode-segment.ts';

export const WRITER = '01ARYZ6S41TSV4RRFFQ69G5FAV';
export const TOPIC_A = '00000000-0000-4000-8000-00000000000a';
export const TOPIC_B = 'ffffffff-ffff-4fff-bfff-ffffffffffff';

export interface SampleBatch {
  readonly recordCount?: number;
  /** Default: what the record count says. */
  readonly lastOffsetDelta?: number;
  readonly baseOffset?: bigint;
  readonly baseTimestampMs?: bigint;
  readonly maxTimestampMs?: bigint;
  /** Bytes beside the least that the records take. */
  readonly extraBytes?: number;
}

/** A batch whose header and CRC are right; what stands for its records is filler, which a segment never reads. */
export function sampleBatch(sample: SampleBatch = {}): Uint8Array {
  const { recordCount = 1, baseTimestampMs = 1000n } = sample;
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + recordCount * RECORD_BYTES_MIN + (sample.extraBytes ?? 0)).fill(
    0xab,
  );
  writeBatchHeader(bytes, {
    baseOffset: sample.baseOffset ?? 0n,
    sizeBytes: bytes.length,
    partitionLeaderEpoch: -1,
    crc: 0,
    compression: 'none',
    timestampType: 'CreateTime',
    transactional: false,
    control: false,
    hasDeleteHorizon: false,
    lastOffsetDelta: sample.lastOffsetDelta ?? recordCount - 1,
    baseTimestampMs,
    maxTimestampMs: sample.maxTimestampMs ?? baseTimestampMs,
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount,
  });
  sealBatch(bytes);
  return bytes;
}

/** Stamps batches one after the other, `gap` offsets between each two. */
export function stampedBatches(samples: readonly SampleBatch[], firstOffset: bigint, gap = 0n): Uint8Array[] {
  let baseOffset = firstOffset;
  return samples.map((sample) => {
    const bytes = sampleBatch({ ...sample, baseOffset });
    baseOffset += BigInt(sample.lastOffsetDelta ?? (sample.recordCount ?? 1) - 1) + 1n + gap;
    return bytes;
  });
}

/** The region of a chunk that begins and ends with these batches. */
export function chunkRegion(region: RegionInput, chunkVersion = 0): ChunkRegionInput {
  const [baseOffset = 0n] = region.batches.map((bytes) => parseBatchHeader(bytes).baseOffset);
  const last = region.batches.map((bytes) => parseBatchHeader(bytes)).at(-1);
  const lastOffset = last === undefined ? 0n : last.baseOffset + BigInt(last.lastOffsetDelta);
  return { ...region, baseOffset, lastOffset, chunkVersion };
}

/** A segment of these regions; at level 1 each of them is a chunk. */
export function segmentOf(level: 0 | 1, regions: readonly RegionInput[]): SegmentInput {
  if (level === 0) return { level, writerId: WRITER, regions };
  return { level, writerId: WRITER, regions: regions.map((region) => chunkRegion(region)) };
}

/** A segment of three regions, given out of order. */
export function sampleSegment(level: 0 | 1): SegmentInput {
  return segmentOf(level, [
    { topicId: TOPIC_B, partition: 0, batches: stampedBatches([{ recordCount: 3, baseTimestampMs: 5000n }], 7n) },
    { topicId: TOPIC_A, partition: 10, batches: stampedBatches([{}, { recordCount: 2, extraBytes: 5 }], 100n, 4n) },
    {
      topicId: TOPIC_A,
      partition: 9,
      batches: stampedBatches([{ baseTimestampMs: 2000n, maxTimestampMs: 9000n }, { baseTimestampMs: 1500n }], 0n),
    },
  ]);
}

const uuid = fc.uuid().map((text) => text.toLowerCase());
const timestamp = fc.oneof(fc.constant(-1n), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }));
const batch: fc.Arbitrary<SampleBatch> = fc.record({
  recordCount: fc.integer({ min: 1, max: 20 }),
  baseTimestampMs: timestamp,
  maxTimestampMs: timestamp,
  extraBytes: fc.nat(50),
});

/** Any segment: few topics, so that many partitions share one; regions in any order. */
export const anySegment: fc.Arbitrary<SegmentInput> = fc
  .record({
    level: fc.constantFrom(0 as const, 1 as const),
    topics: fc.array(uuid, { minLength: 1, maxLength: 3 }),
    places: fc.uniqueArray(fc.tuple(fc.nat(2), fc.integer({ min: 0, max: 2 ** 31 - 1 })), {
      minLength: 1,
      maxLength: 12,
      selector: ([topic, partition]) => `${topic}/${partition}`,
    }),
    samples: fc.array(fc.array(batch, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
    firstOffset: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    gap: fc.bigInt({ min: 0n, max: 1000n }),
  })
  .map(({ level, topics, places, samples, firstOffset, gap }) => {
    const regions = new Map<string, RegionInput>();
    places.forEach(([topic, partition], index) => {
      const topicId = topics[topic % topics.length]!;
      const batches = stampedBatches(samples[index % samples.length]!, firstOffset, gap);
      regions.set(`${topicId}/${partition}`, { topicId, partition, batches });
    });
    return segmentOf(level, [...regions.values()]);
  });
