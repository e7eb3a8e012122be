import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../lib/index.ts';
import { chunkSk, chunkToItem } from '../../lib/log/chunk.ts';
import { headFromItem } from '../../lib/log/head.ts';
import type { Item } from '../../lib/log/item.ts';
import { planChunk } from '../../lib/log/roll-plan.ts';
import { decodeItem, encodeItem } from '../../lib/sqlite/item-codec.ts';
import { cliStage } from './cli-stage.ts';
import { type Place, Spoilt } from './spoilt-store.ts';

/** Of each topic: `refs` has its records in objects, `inline` in the head and chunks. Rolled after 16. */
const RECORDS = 40;

let prepared: string;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-verify-'));
  prepared = join(directory, 'store');
  const millrace = await connect(`file:${prepared}`);
  await millrace.topics.createTopic({ name: 'refs', config: { 'millrace.inline.max.bytes': '0' } });
  await millrace.topics.createTopic({ name: 'inline' });
  const producer = millrace.producer();
  for (let n = 0; n < RECORDS; n++) {
    await producer.send({ topic: 'refs', value: `record ${n}`, timestampMs: 1_000 + n });
    await producer.send({ topic: 'inline', value: `record ${n}`, timestampMs: 1_000 + n });
  }
  await millrace.close();
  return () => rm(directory, { recursive: true });
});

async function spoilt(): Promise<Spoilt> {
  const stage = await cliStage();
  await cp(prepared, join(stage.directory, 'store'), { recursive: true });
  return new Spoilt(stage);
}

const all = { from: 0, end: RECORDS };
const mutated = (bytes: Uint8Array, position: number) => {
  const copy = Uint8Array.from(bytes);
  copy[position < 0 ? copy.length + position : position]! ^= 1;
  return copy;
};
const tailOf = (item: Item) => item.tail as readonly Uint8Array[];
const entriesOf = (item: Item) => item.entries as readonly Uint8Array[];

/** What is spoilt, whether only a deep look finds it, and one of the places that are named. */
const DAMAGES: readonly [string, 'shallow' | 'deep', (store: Spoilt) => Promise<unknown> | unknown, Partial<Place>][] =
  [
    ['an object is gone', 'shallow', (store) => store.loseObjects(3, 4), { from: 3, end: 4, code: 'OBJECT_MISSING' }],
    [
      'an object is cut off',
      'shallow',
      (store) => store.object(20, (bytes) => bytes.subarray(0, 100)),
      { from: 20, end: 21, code: 'CORRUPT_OBJECT' },
    ],
    ['an object is empty', 'shallow', (store) => store.object(39, () => new Uint8Array(0)), { from: 39, end: 40 }],
    [
      'a byte of a record is another',
      'deep',
      (store) => store.object(5, (bytes) => mutated(bytes, 75)),
      { from: 5, end: 6, code: 'CORRUPT_OBJECT' },
    ],
    [
      'a byte of a batch header is another',
      'deep',
      (store) => store.object(5, (bytes) => mutated(bytes, 30)),
      { from: 5, end: 6 },
    ],
    [
      "a byte of an object's index is another",
      'shallow',
      (store) => store.object(7, (bytes) => mutated(bytes, -60)),
      { from: 7, end: 8 },
    ],
    [
      "a byte of an object's trailer is another",
      'shallow',
      (store) => store.object(8, (bytes) => mutated(bytes, -4)),
      { from: 8, end: 9 },
    ],
    [
      'an object stands in the place of another',
      'shallow',
      async (store) => {
        const other = await store.objects.bytes((await store.objects.keys())[10]!);
        await store.object(11, () => other);
      },
      { from: 11, end: 12, message: expect.stringContaining('largest timestamp') },
    ],
    [
      'a chunk is gone',
      'shallow',
      (store) => store.rows('refs', 'C#', (bytes, index) => (index === 1 ? null : bytes)),
      { from: 16, end: 32, code: 'OBJECT_MISSING', object: null },
    ],
    [
      'the first chunk is gone',
      'shallow',
      (store) => store.rows('refs', 'C#', (bytes, index) => (index === 0 ? null : bytes)),
      { from: 0, end: 16, code: 'OBJECT_MISSING' },
    ],
    [
      'a chunk has lost an entry',
      'shallow',
      (store) => store.item('refs', 'C#', (item) => ({ ...item, entries: entriesOf(item).slice(1) })),
      { from: 0, end: 16 },
    ],
    [
      "a chunk's entries stand in another order",
      'shallow',
      (store) => store.item('refs', 'C#', (item) => ({ ...item, entries: [...entriesOf(item)].reverse() })),
      { from: 0, end: 16 },
    ],
    [
      'a chunk tells another end',
      'shallow',
      (store) => store.item('refs', 'C#', (item) => ({ ...item, end: 17n })),
      { from: 0, end: 17 },
    ],
    [
      'a chunk tells another largest timestamp',
      'shallow',
      (store) => store.item('refs', 'C#', (item) => ({ ...item, maxTs: 5n })),
      { from: 0, end: 16 },
    ],
    [
      'a chunk tells another largest timestamp so far',
      'shallow',
      (store) => store.item('refs', 'C#', (item) => ({ ...item, runMaxTs: 9_999n }), 1),
      { from: 16, end: 32 },
    ],
    [
      'an entry is damaged',
      'shallow',
      (store) =>
        store.item('refs', 'C#', (item) => ({
          ...item,
          entries: entriesOf(item).map((one, i) => (i === 4 ? one.slice(0, 20) : one)),
        })),
      { from: 4, end: 16 },
    ],
    [
      'the bytes of an item are others',
      'shallow',
      (store) => store.rows('refs', 'C#', (bytes, index) => (index === 1 ? mutated(bytes, 40) : bytes)),
      { code: 'CORRUPT_OBJECT', end: 32 },
    ],
    [
      'the head is gone',
      'shallow',
      (store) => store.rows('refs', 'HEAD', () => null),
      { code: 'OBJECT_MISSING', message: expect.stringContaining('no head') },
    ],
    [
      'the bytes of the head are others',
      'shallow',
      (store) => store.rows('refs', 'HEAD', (bytes) => mutated(bytes, 20)),
      { code: 'CORRUPT_OBJECT', message: expect.stringContaining('head cannot be read') },
    ],
    [
      'the tail has lost an entry',
      'shallow',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, tail: tailOf(item).slice(1) })),
      { from: 32, end: 40 },
    ],
    [
      'the high watermark is another',
      'shallow',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, next: 39n })),
      { from: 32, end: 40 },
    ],
    [
      'the log start offset is above the high watermark',
      'shallow',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, start: 41n })),
      { from: 40, end: 41 },
    ],
    [
      'the head tells another size of its tail',
      'shallow',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, tailBytes: 1n })),
      { from: 32, end: 40 },
    ],
    [
      'the head tells another number of bytes',
      'shallow',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, bytes: 1n })),
      all,
    ],
    [
      'the head tells another sum of checksums',
      'deep',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, appended: 1n })),
      { ...all, message: expect.stringContaining('add up') },
    ],
    [
      'the head tells another largest timestamp',
      'shallow',
      (store) => store.item('refs', 'HEAD', (item) => ({ ...item, maxTs: 1n })),
      { from: 32 },
    ],
    [
      'an inline record is damaged in the tail',
      'shallow',
      (store) =>
        store.item('inline', 'HEAD', (item) => ({
          ...item,
          tail: tailOf(item).map((one, i) => (i === 0 ? mutated(one, -3) : one)),
        })),
      { end: expect.any(Number), code: 'CORRUPT_OBJECT' },
    ],
    [
      'an inline record is damaged in a chunk',
      'shallow',
      (store) =>
        store.item('inline', 'C#', (item) => ({
          ...item,
          entries: entriesOf(item).map((one, i) => (i === 2 ? mutated(one, -3) : one)),
        })),
      { from: 2, end: 3 },
    ],
  ];

describe('millrace verify', () => {
  it('finds nothing in a good store', async () => {
    const store = await spoilt();
    expect(await store.damages()).toEqual([]);
    expect(await store.damages('--deep')).toEqual([]);
    const { topics } = (await store.stage.json(['verify', 'refs', '--deep'])) as { topics: unknown[] };
    expect(topics).toEqual([
      {
        topic: 'refs',
        objects: RECORDS,
        damages: [],
        partitions: [
          { partition: 0, records: RECORDS, chunks: 2, entries: RECORDS, conservation: 'checksums', damages: [] },
        ],
      },
    ]);
    expect(await store.stage.ok(['verify', '--deep'])).toMatch(
      /inline +1 +40[\s\S]*\n\nNo damage: every byte is as it was written\.\n$/,
    );
  });

  it.each(DAMAGES)('says where: %s (%s)', async (_, depth, spoil, place) => {
    const store = await spoilt();
    await spoil(store);
    const shallow = await store.damages();
    if (depth === 'deep') expect(shallow).toEqual([]);
    else expect(shallow).toContainEqual(expect.objectContaining(place));
    const deep = await store.damages('--deep');
    expect(deep).toContainEqual(expect.objectContaining(place));
  });

  it('names the object, for people too', async () => {
    const store = await spoilt();
    const [key] = await store.objects.keys();
    await store.loseObjects(0, 1);
    expect(await store.damages()).toEqual([
      { partition: 0, from: 0, end: 1, code: 'OBJECT_MISSING', object: key, message: expect.any(String) },
    ]);
    const { status, output, complaint } = await store.stage.run(['verify', 'refs']);
    expect([status, output.split('\n\n')[1]]).toEqual([
      1,
      `refs-0 offset 0: ${key}: there is no such object in the store (OBJECT_MISSING)\n`,
    ]);
    expect(complaint).toContain('1 damage was found');
  });

  it('does not miss what was trimmed, nor does it hold it against the sums', async () => {
    const store = await spoilt();
    await store.stage.ok(['topic', 'trim', 'refs', '-p', '0', '-b', '20']);
    await store.loseObjects(0, 20);
    store.rows('refs', 'C#', (bytes, index) => (index === 0 ? null : bytes));
    expect(await store.damages('--deep')).toEqual([]);
    const { topics } = (await store.stage.json(['verify', 'refs', '--deep'])) as { topics: { partitions: object[] }[] };
    expect(topics[0]!.partitions[0]).toMatchObject({ records: 20, conservation: 'unknown' });
  });

  it.each([
    ['accepts a roll that is half done', (entries: readonly Uint8Array[]) => entries, 0],
    ['notices one that has put something else', (entries: readonly Uint8Array[]) => [...entries].reverse(), 1],
  ])('%s', async (_, put, damages) => {
    const store = await spoilt();
    store.item('refs', 'HEAD', (item) => {
      const chunk = planChunk(headFromItem(item))!;
      store.insert('refs', chunkSk(chunk.base), chunkToItem({ ...chunk, entries: put(chunk.entries) }));
      return item;
    });
    expect(await store.damages('--deep')).toHaveLength(damages);
  });

  it('names a topic whose item is damaged, and looks at the others all the same', async () => {
    const store = await spoilt();
    store.topic('inline', (bytes) => {
      const copy = Uint8Array.from(bytes);
      copy[copy.length - 1]! ^= 1;
      return copy;
    });
    await store.loseObjects(0, 1);
    const { status, output } = await store.stage.run(['verify']);
    expect(status).toBe(1);
    expect(output).toMatch(/inline: the topic cannot be read: .* \(CORRUPT_OBJECT\)\nrefs-0 offset 0: /);
  });

  it('names what is half made, and goes on', async () => {
    const store = await spoilt();
    store.topic('inline', (bytes) => encodeItem({ ...decodeItem(bytes), state: 'creating' }));
    expect(await store.stage.json(['verify'])).toMatchObject({
      topics: [{ topic: 'refs' }],
      passedOver: [{ topic: 'inline', message: 'topic inline is still being created' }],
    });
    expect(await store.stage.ok(['verify'])).toContain('Not verified: topic inline is still being created.');
    expect(await store.stage.failure(['verify', 'inline'])).toMatchObject({ status: 1, code: 'TOPIC_BUSY' });
  });

  it('refuses a topic that is not there', async () => {
    const store = await spoilt();
    expect(await store.stage.failure(['verify', 'ref'])).toMatchObject({
      status: 1,
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      hint: expect.stringContaining('refs'),
    });
  });
});
