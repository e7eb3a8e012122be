import { MillraceError } from '../errors.ts';
import { splitBatches } from '../record/decode-batch.ts';
import { decodeSegment } from '../segment/decode-segment.ts';
import { regionBytes } from '../segment/region.ts';
import { isPack } from './read-inspected.ts';
import { table } from './table.ts';

/** A segment's index with the headers of its record batches. Throws CORRUPT_OBJECT and what damaged batches throw. */
export function inspectSegment(bytes: Uint8Array) {
  if (isPack(bytes)) {
    throw new MillraceError('CORRUPT_OBJECT', 'this is a pack, which holds objects, and no segment', {
      hint: 'inspect pack lists its objects; inspect segment shows one of them by its key.',
    });
  }
  const index = decodeSegment(bytes, { verifyRegions: true });
  const regions = index.regions.map((region) => ({
    ...region,
    batches: [...splitBatches(regionBytes(bytes, region))].map(({ position, header }) => ({
      position: region.position + position,
      ...header,
    })),
  }));
  return { sizeBytes: bytes.length, ...index, regions };
}

/** A segment for people. */
export function segmentText(segment: ReturnType<typeof inspectSegment>): string {
  const { level, sizeBytes, regions } = segment;
  const rows = regions.map((region) => [
    region.topicId,
    region.partition,
    region.position,
    region.length,
    region.batchCount,
    region.recordCount,
    new Date(Number(region.maxTimestampMs)).toISOString(),
    [...new Set(region.batches.map(({ compression }) => compression))].join(','),
    ...('lastOffset' in region ? [`${region.baseOffset}-${region.lastOffset}`] : []),
  ]);
  const offsets = level === 1 ? ['offsets'] : [];
  const head = [
    'topic id',
    'partition',
    'position',
    'length',
    'batches',
    'records',
    'newest',
    'compression',
    ...offsets,
  ];
  const count = `${regions.length} region${regions.length === 1 ? '' : 's'}`;
  return `segment of level ${level}, ${sizeBytes} bytes, ${count}, all checksums right\n\n${table(head, rows)}`;
}
