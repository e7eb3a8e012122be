/** Logs that have lost their tables, and have older ones. */
import { describe, expect, it } from 'vitest';
import { rollTail } from '../../../lib/log/roll.ts';
import type { OldTables } from '../../../lib/maintenance/rebuild/old-tables.ts';
import { rebuild } from '../../../lib/maintenance/rebuild/rebuild.ts';
import { collectFor, segments } from '../collection-stage.ts';
import { compact, fork, keyOf, recordsOf } from '../fork-stage.ts';
import { type MaintenanceStage, maintenanceStage } from '../maintenance-stage.ts';
import { allChunks, partitionOf, savedTables, spoilt, withoutTables } from './rebuild-stage.ts';

const rebuildFrom = async (stage: MaintenanceStage, from: OldTables) => {
  const after = await withoutTables(stage);
  return { after, report: await rebuild(after.deps, { from }) };
};

/** Compacted, rolled, inline and in the tail. */
async function mixed() {
  const stage = maintenanceStage();
  const config = { 'retention.ms': '-1', 'cleanup.policy': 'delete' };
  const [partition] = await stage.topic('orders', { partitionCount: 2, config });
  await stage.append(partition!, ['a', 'b']);
  await compact(stage);
  await stage.append(partition!, ['c', 'd']);
  await stage.append(partition!, ['e'], { inline: true });
  await stage.append(partition!, ['f'], { inline: true, roll: false });
  await stage.append(partition!, ['g', 'h'], { roll: false });
  return { stage, partition: partition! };
}
const SAVED = ['0:a', '1:b', '2:c', '3:d', '4:e', '5:f', '6:g', '7:h'];

describe('a log that has older tables', () => {
  it('has all that they have, in its order, with names and settings', async () => {
    const { stage, partition } = await mixed();
    const from = await savedTables(stage);
    const { after, report } = await rebuildFrom(stage, from);
    expect(await recordsOf(after, 'orders')).toEqual(SAVED);
    const { config, partitionCount } = (await after.base.topics.get('orders'))!;
    expect({ config, partitionCount }).toEqual({
      config: { 'retention.ms': '-1', 'cleanup.policy': 'delete' },
      partitionCount: 2,
    });
    expect(partitionOf(report, 'orders')).toMatchObject({
      ...{ logStartOffset: 0n, restoredEnd: 8n, records: 8, fromTables: 6, gaps: { count: 0 } },
    });
    expect(report.topics).toMatchObject([{ isNamed: true }]);
    expect(await after.damages()).toEqual([]);
    expect((await after.head(partition)).next).toBeGreaterThanOrEqual(8n + 2n ** 36n);
    await after.append(partition, ['new']);
    await compact(after);
    await collectFor(after, 4);
    const read = await recordsOf(after, 'orders');
    expect(read.slice(0, -1)).toEqual(SAVED);
    expect(read.at(-1)).toMatch(/:new$/);
    expect(await after.damages()).toEqual([]);
  });

  it('has what was compacted since as well, although the objects that they name are gone', async () => {
    const { stage, partition } = await mixed();
    const from = await savedTables(stage);
    await stage.append(partition, ['i', 'j']);
    await compact(stage);
    await collectFor(stage, 4);
    expect((await segments(stage)).filter((key) => key.includes('/0/'))).toEqual([]);
    await stage.append(partition, ['lost'], { roll: false });
    const { after, report } = await rebuildFrom(stage, from);
    expect(await recordsOf(after, 'orders')).toEqual([...SAVED, '8:i', '9:j']);
    expect(partitionOf(report, 'orders')).toMatchObject({ restoredEnd: 10n, fromTables: 0, unplaced: { records: 1 } });
    expect(await after.damages()).toEqual([]);
  });

  it('has what a roll moved since where a part of it was compacted', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b', 'c'], { roll: false });
    const from = await savedTables(stage);
    await stage.append(partition!, ['d']);
    await stage.append(partition!, ['e', 'f']);
    await compact(stage);
    // The object of the first chunk is lost, that of the second is there: both are one.
    const { after, report } = await rebuildFrom(stage, from);
    expect(await recordsOf(after, 'orders')).toEqual(['0:a', '1:b', '2:c', '3:d', '4:e', '5:f']);
    expect(partitionOf(report, 'orders').fromTables).toBe(0);
    const without = await withoutTables(stage);
    await without.base.objects.remove((await segments(without)).filter((key) => key.includes('/1/')));
    const { topics } = await rebuild(without.deps, { from });
    expect(topics[0]!.partitions[0]).toMatchObject({ restoredEnd: 3n, fromTables: 3 });
    expect(await recordsOf(without, 'orders')).toEqual(['0:a', '1:b', '2:c']);
    expect(await without.damages()).toEqual([]);
  });

  it('has all of what was rolled in pieces since, however few chunks are worked on at once', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b', 'c', 'd'], { roll: false });
    const from = await savedTables(stage);
    // One chunk of the first three, then one that goes on behind the tail that was saved.
    const head = await stage.head(partition!);
    await rollTail(stage.base, partition!, { ...head, tail: head.tail.slice(0, 3) });
    await stage.append(partition!, ['e', 'f']);
    await compact(stage);
    expect((await stage.chunks(partition!)).map(({ base, end }) => [base, end])).toEqual([
      [0n, 3n],
      [3n, 6n],
    ]);
    for (const chunksAtOnce of [1, 100]) {
      const after = await withoutTables(stage);
      const report = await rebuild(after.deps, { from, chunksAtOnce });
      expect(await recordsOf(after, 'orders')).toEqual(['0:a', '1:b', '2:c', '3:d', '4:e', '5:f']);
      expect(partitionOf(report, 'orders')).toMatchObject({ overlapping: 0, fromTables: 0 });
      expect(await after.damages()).toEqual([]);
    }
  });

  it('begins where they began, and tells what is gone', async () => {
    const { stage, partition } = await mixed();
    await stage.admin.trimPartition('orders', 0, 1n);
    const from = await savedTables(stage);
    const [third] = await allChunks(stage, partition).then((chunks) => chunks.filter(({ level }) => level === 0));
    expect(third).toBeDefined();
    const after = await withoutTables(stage);
    const lost = (await segments(after))
      .filter((key) => key.includes('/0/'))
      .toSorted((a, b) => (a.slice(-26) < b.slice(-26) ? -1 : 1));
    // Of a and b nothing is needed any more; c is the third.
    await after.base.objects.remove([lost[2]!]);
    const report = await rebuild(after.deps, { from });
    expect(await recordsOf(after, 'orders')).toEqual(SAVED.filter((one) => one !== '0:a' && one !== '2:c'));
    expect(partitionOf(report, 'orders')).toMatchObject({
      ...{ logStartOffset: 1n, gaps: { count: 1, first: [{ fromOffset: 2n, endOffset: 3n }] } },
    });
    expect(await after.damages()).toEqual([]);
  });

  it('has topics of which there is no object, and those that were made since', async () => {
    const stage = maintenanceStage();
    const [inline] = await stage.topic('inline');
    await stage.append(inline!, ['a', 'b'], { inline: true, roll: false });
    const from = await savedTables(stage);
    const [later] = await stage.topic('later');
    await stage.append(later!, ['x']);
    await compact(stage);
    await fork(stage, { source: 'later', name: 'fork' });
    const { after, report } = await rebuildFrom(stage, from);
    expect(await recordsOf(after, 'inline')).toEqual(['0:a', '1:b']);
    expect(await recordsOf(after, `recovered-${later!.topicId}`)).toEqual(['0:x']);
    expect(report.topics).toHaveLength(3);
    expect(await after.damages()).toEqual([]);
  });

  it('is told what would come back', async () => {
    const { stage } = await mixed();
    const from = await savedTables(stage);
    const after = await withoutTables(stage);
    const planned = await rebuild(after.deps, { from, dryRun: true });
    expect(await after.base.topics.list(null, 10)).toEqual([]);
    expect(planned).toEqual({ ...(await rebuild(after.deps, { from })), dryRun: true });
  });

  it('can be given another name, where two would be called the same', async () => {
    const { stage, partition } = await mixed();
    const from = await savedTables(stage);
    await stage.topic('others');
    const [other] = await stage.topic('more');
    await stage.append(other!, ['y']);
    await compact(stage);
    const after = await withoutTables(stage);
    const taken = new Map([[other!.topicId, { name: 'orders' }]]);
    await expect(rebuild(after.deps, { from, topics: taken })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    const topics = new Map([...taken, [partition.topicId, { name: 'orders-before' }]]);
    await rebuild(after.deps, { from, topics });
    expect(await recordsOf(after, 'orders')).toEqual(['0:y']);
    expect(await recordsOf(after, 'orders-before')).toEqual(SAVED);
    expect(await keyOf(after, 'orders')).toEqual(other);
  });
});

/**
 * The first rebuilding from a backup that had a damaged item ended there, and whoever had that backup alone could restore nothing of it.
 */
describe('older tables with damaged items', () => {
  it('give all but the damaged chunks, which are told as gaps', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await stage.append(partition!, [value]);
    const from = await savedTables(stage);
    for (const [chunks, left] of [
      [[0n], ['1:b', '2:c', '3:d', '4:e', '5:f']],
      [[2n], ['0:a', '1:b', '3:d', '4:e', '5:f']],
      // One that can be read stands between two that cannot.
      [
        [1n, 3n, 4n],
        ['0:a', '2:c', '5:f'],
      ],
      [[0n, 1n, 2n, 3n, 4n], ['5:f']],
    ] as const) {
      const { after, report } = await rebuildFrom(stage, spoilt(from, { chunks }));
      expect(await recordsOf(after, 'orders')).toEqual(left);
      expect(report.damagedItems).toEqual({
        count: chunks.length,
        first: chunks.map((base) => ({
          what: `the chunk at offset ${base} of orders-0`,
          code: 'CORRUPT_OBJECT',
          message: 'a chunk is damaged',
        })),
      });
      expect(await after.damages()).toEqual([]);
      expect((await after.head(partition!)).next).toBeGreaterThanOrEqual(6n + 2n ** 36n);
    }
  });

  it('give what the chunks have where a head is damaged, and all other partitions', async () => {
    const { stage, partition } = await mixed();
    await stage.append({ ...partition, partition: 1 }, ['other'], { roll: false });
    const from = spoilt(await savedTables(stage), { heads: [partition] });
    const { after, report } = await rebuildFrom(stage, from);
    // What stood in the tail is gone with the head.
    expect(await recordsOf(after, 'orders')).toEqual(SAVED.slice(0, 5));
    expect(partitionOf(report, 'orders', 1)).toMatchObject({ records: 1, fromTables: 1 });
    expect(report.damagedItems).toMatchObject({ count: 1, first: [{ what: 'the head of orders-0' }] });
    expect(await after.damages()).toEqual([]);
    const { next } = await after.head(partition);
    expect(next).toBeGreaterThanOrEqual(8n + 2n ** 36n);
  });

  it('give the tail up to an entry that cannot be read', async () => {
    const { stage, partition } = await mixed();
    const from = await savedTables(stage);
    const read: OldTables['heads']['read'] = async (key, options) => {
      const head = await from.heads.read(key, options);
      if (head === null || key.partition !== partition.partition) return head;
      return { ...head, tail: head.tail.with(-1, Uint8Array.of(7)) };
    };
    const { after, report } = await rebuildFrom(stage, { ...from, heads: { read } });
    expect(await recordsOf(after, 'orders')).toEqual(SAVED.slice(0, 7));
    expect(report.damagedItems).toMatchObject({
      count: 1,
      first: [{ what: 'the entries from offset 7 on of orders-0' }],
    });
    expect((await after.head(partition)).next).toBeGreaterThanOrEqual(8n + 2n ** 36n);
    expect(await after.damages()).toEqual([]);
  });

  it('give the order of a topic whose item is damaged, but neither its name nor its settings', async () => {
    const { stage, partition } = await mixed();
    const [other] = await stage.topic('other');
    await stage.append(other!, ['x'], { inline: true, roll: false });
    const from = spoilt(await savedTables(stage), { topics: ['orders'] });
    const { after, report } = await rebuildFrom(stage, from);
    expect(await recordsOf(after, `recovered-${partition.topicId}`)).toEqual(SAVED);
    expect(await recordsOf(after, 'other')).toEqual(['0:x']);
    expect(report.damagedItems).toMatchObject({ count: 1, first: [{ what: 'topic orders', code: 'CORRUPT_OBJECT' }] });
    expect(report.topics).toMatchObject(
      [
        { topicId: partition.topicId, isNamed: false, hasSettings: false },
        { topicId: other!.topicId, isNamed: true, hasSettings: true },
      ].toSorted((a, b) => (a.topicId < b.topicId ? -1 : 1)),
    );
    expect(await after.damages()).toEqual([]);
  });
});
