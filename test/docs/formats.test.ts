import { describe, expect, it } from 'vitest';
import { chunkToItem } from '../../lib/log/chunk.ts';
import { encodeEntry } from '../../lib/log/entry.ts';
import { globalFloorToItem } from '../../lib/log/global-floor.ts';
import { emptyHead, headToItem } from '../../lib/log/head.ts';
import type { Attribute, Item } from '../../lib/log/item.ts';
import { topicToItem } from '../../lib/log/topic.ts';
import { BATCH_HEADER_BYTES } from '../../lib/record/batch-header.ts';
import { compressionTypes } from '../../lib/record/compression.ts';
import { indexEntryBytes, SEGMENT_HEADER_BYTES, SEGMENT_TRAILER_BYTES } from '../../lib/segment/segment-format.ts';
import { ID_BYTES, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { readDocument, tableBelow } from './markdown.ts';

const { text } = readDocument('docs/formats.md');

/** Rows of the N-th generated table of a source file. */
function sourceRows(name: string): readonly (readonly string[])[] {
  return tableBelow(text, `<!-- generated: table ${name} -->`);
}

/** Each field begins where the one before ends; returns where the last one ends. */
function endOfFields(rows: readonly (readonly string[])[]): number {
  let end = 0;
  for (const [position, bytes] of rows) {
    expect(Number(position)).toBe(end);
    end += Number(bytes);
  }
  return end;
}

const TYPE_BYTES: Readonly<Record<string, number>> = { i8: 1, i16: 2, i32: 4, u32: 4, i64: 8 };

describe('byte tables', () => {
  it('of the batch header fill its 61 bytes without a gap', () => {
    const fields = sourceRows('lib/record/batch-header.ts').slice(0, -1);
    expect(endOfFields(fields.map(([position, , type]) => [position!, String(TYPE_BYTES[type!])]))).toBe(
      BATCH_HEADER_BYTES,
    );
    expect(BATCH_HEADER_BYTES).toBe(61);
  });

  it('of the segment fill header, index and trailer without a gap', () => {
    expect(endOfFields(sourceRows('lib/segment/segment-format.ts 1'))).toBe(SEGMENT_HEADER_BYTES);
    const index = sourceRows('lib/segment/segment-format.ts 2');
    expect(endOfFields(index)).toBe(indexEntryBytes(1));
    expect(endOfFields(index.slice(0, -3))).toBe(indexEntryBytes(0));
    expect(endOfFields(sourceRows('lib/segment/segment-format.ts 3'))).toBe(SEGMENT_TRAILER_BYTES);
  });

  it('of the id fill its 16 bytes', () => {
    const bytes = sourceRows('lib/segment/segment-id.ts').map(([count]) => Number(count));
    expect(bytes.reduce((sum, count) => sum + count)).toBe(ID_BYTES);
  });

  it('of the entry add up to what is encoded, and to the sizes that the text states', () => {
    const fields = { id: ZERO_ID, recordCount: 1, maxTimestampMs: 0n };
    const reference = { kind: 'reference', position: 0, lengthBytes: 0, ...fields } as const;
    const producer = { producerId: 1n, producerEpoch: 1, baseSequence: 1 };
    const rows = sourceRows('lib/log/entry.ts').map(([bytes]) => Number(bytes));
    const [kind, id, count, timestamp, producerFields, place] = rows as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const bare = kind + id + count + timestamp + place;
    expect(encodeEntry({ ...reference, producer: null })).toHaveLength(bare);
    expect(encodeEntry({ ...reference, producer })).toHaveLength(bare + producerFields);
    expect(text).toContain(`A reference takes ${bare} bytes, ${bare + producerFields} with producer fields.`);
  });
});

describe('codecs', () => {
  it('are listed with their ids', () => {
    const listed = tableBelow(text, '### Compression').map(([id, codec]) => [Number(id), codec]);
    expect(listed).toEqual(compressionTypes.map((codec, id) => [id, codec]));
  });
});

function typeOf(value: Attribute): string {
  if (typeof value === 'bigint') return 'N';
  if (typeof value === 'string') return 'S';
  return value instanceof Uint8Array ? 'B' : 'L';
}

const attributesOf = (item: Item) => Object.entries(item).map(([name, value]) => [`\`${name}\``, typeOf(value)]);

describe('items', () => {
  const head = headToItem({ ...emptyHead(ZERO_ID), tailBase: 1n, cleanedEnd: 1n });
  const timestamps = { maxTimestampMs: 0n, runMaxTimestampMs: 0n, runMaxTimestampOffset: 0n };
  const extent = { base: 0n, end: 1n, count: 1, minId: ZERO_ID, maxId: ZERO_ID };
  const chunk = chunkToItem({ ...extent, ...timestamps, level: 0, version: 0, entries: [] });
  const counts = { partitionCount: 1, readyPartitionCount: 1, createdAtMs: 0, version: 1 };
  const texts = { name: 't', topicId: '', domain: 'shared', forkOf: 's' };
  const topic = topicToItem({ ...counts, ...texts, state: 'active', config: {} });

  it.each([
    ['### Head', head],
    ['### Chunk', chunk],
    ['### Topic', topic],
    ['### Global floor', globalFloorToItem(ZERO_ID)],
  ])('%s has the attributes and types that are stored', (heading, item) => {
    expect(tableBelow(text, heading).map(([name, type]) => [name, type])).toEqual(attributesOf(item));
  });
});
