import { assembleBatch } from '../../record/assemble-batch.ts';
import { BATCH_HEADER_BYTES } from '../../record/batch-header.ts';

/** Kafka: the last offset delta of a batch is an i32. */
const BATCH_OFFSETS_MOST = 2n ** 31n;
const NONE = -1;

/** Record batches with nothing in them that cover offsets `[base, end)`, as key compaction leaves one: readers pass over them, by the last offset that each tells. 61 bytes for each 2^31 offsets. */
export function gapBatches({ base, end }: { readonly base: bigint; readonly end: bigint }): readonly Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let from = base; from < end; from += BATCH_OFFSETS_MOST) {
    const left = end - from;
    batches.push(emptyAt(from, left < BATCH_OFFSETS_MOST ? left : BATCH_OFFSETS_MOST));
  }
  return batches;
}

function emptyAt(baseOffset: bigint, count: bigint): Uint8Array {
  return assembleBatch(new Uint8Array(BATCH_HEADER_BYTES), {
    baseOffset,
    partitionLeaderEpoch: NONE,
    compression: 'none',
    timestampType: 'CreateTime',
    transactional: false,
    control: false,
    hasDeleteHorizon: false,
    lastOffsetDelta: Number(count - 1n),
    baseTimestampMs: -1n,
    maxTimestampMs: -1n,
    producerId: -1n,
    producerEpoch: NONE,
    baseSequence: NONE,
    recordCount: 0,
  });
}
