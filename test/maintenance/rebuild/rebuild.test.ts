import { describe, expect, it } from 'vitest';
import { connect } from '../../../lib/index.ts';
import type { CommitArgs } from '../../../lib/log/head-transitions.ts';
import { discardUnplaced } from '../../../lib/maintenance/rebuild/discard-unplaced.ts';
import { rebuild } from '../../../lib/maintenance/rebuild/rebuild.ts';
import { firstIdAt, idTimeMs } from '../../../lib/segment/segment-id.ts';
import { cleanStage, compacted, readAs } from '../clean/clean-stage.ts';
import { collectFor, collectionOf, orphan, segments } from '../collection-stage.ts';
import { compact, fork, keyOf, mixedStage, recordsOf } from '../fork-stage.ts';
import { HOUR_MS, maintenanceStage } from '../maintenance-stage.ts';
import { loseAndRebuild, namesOf, partitionOf, withoutTables } from './rebuild-stage.ts';

const GAP = 2n ** 36n;

/** Two partitions that are compacted, and something behind that is not. */
async function stageWithRest() {
  const stage = maintenanceStage();
  const [first, second] = await stage.topic('orders', { partitionCount: 3 });
  for (const values of [['a', 'b'], ['c']]) await stage.append(first!, values);
  await stage.append(second!, ['x', 'y']);
  await compact(stage);
  await stage.append(first!, ['lost', 'too'], { roll: false });
  await stage.append(first!, ['inline'], { inline: true, roll: false });
  return { stage, first: first!, second: second! };
}

describe('a log that has lost its tables', () => {
  it('has all that was compacted, under its offsets, and begins far behind the rest', async () => {
    const { stage } = await stageWithRest();
    const { after, report } = await loseAndRebuild(stage);
    expect(await recordsOf(after, 'orders')).toEqual(['0:a', '1:b', '2:c']);
    expect(await recordsOf(after, 'orders', 1)).toEqual(['0:x', '1:y']);
    expect(report).toMatchObject({ dryRun: false, damaged: { count: 0 } });
    expect(report.topics).toMatchObject([{ name: 'orders', isNamed: true, domain: 'shared' }]);
    const first = partitionOf(report, 'orders');
    expect(first).toMatchObject({
      ...{ outcome: 'rebuilt', logStartOffset: 0n, restoredEnd: 3n, records: 3, gaps: { count: 0 }, overlapping: 0 },
      // Those that were compacted are there twice.
      unplaced: { objects: 5, records: 5 },
    });
    expect(first.highWatermark).toBeGreaterThan(3n + GAP);
    expect((await after.head(await keyOf(after, 'orders'))).next).toBe(first.highWatermark);
    // Nothing is known of the third.
    const third = partitionOf(report, 'orders', 2);
    expect(third).toMatchObject({ restoredEnd: null, records: 0, chunks: 0 });
    expect(third.logStartOffset).toBe(third.highWatermark);
    expect(third.highWatermark).toBeGreaterThan(GAP);
    expect(await after.damages()).toEqual([]);
  });

  it('is written, read, compacted and collected as before', async () => {
    const { stage } = await stageWithRest();
    const { after, report } = await loseAndRebuild(stage);
    const partition = await keyOf(after, 'orders');
    const { highWatermark } = partitionOf(report, 'orders');
    await after.append(partition, ['d', 'e']);
    const all = ['0:a', '1:b', '2:c', `${highWatermark}:d`, `${highWatermark + 1n}:e`];
    expect(await recordsOf(after, 'orders')).toEqual(all);
    await compact(after);
    await collectFor(after, 4);
    expect(await recordsOf(after, 'orders')).toEqual(all);
    expect(await recordsOf(after, 'orders', 1)).toEqual(['0:x', '1:y']);
    expect(await after.damages()).toEqual([]);
  });

  it('lets readers and groups pass over the gap', async () => {
    const { stage } = await stageWithRest();
    const { after } = await loseAndRebuild(stage);
    const millrace = await connect({ store: after.base });
    const producer = millrace.producer();
    for (const partition of [0, 1, 2]) await producer.send({ topic: 'orders', partition, value: `new ${partition}` });
    await producer.close();
    const text = ({ value }: { readonly value: Uint8Array | null }) =>
      Buffer.from(value!).toString().replace(/\.+$/, '');
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'orders' }]);
    const read: string[] = [];
    for await (const record of reader) read.push(text(record));
    const all = ['a', 'b', 'c', 'new 0', 'new 1', 'new 2', 'x', 'y'];
    expect(read.toSorted()).toEqual(all);
    const consumer = millrace.consumer({ group: 'late', stopAtEnd: true });
    await consumer.subscribe(['orders']);
    const consumed: string[] = [];
    for await (const record of consumer) consumed.push(text(record));
    expect(consumed.toSorted()).toEqual(all);
    await millrace.close();
  });

  it('keeps what could not be placed until somebody gives it up', async () => {
    const { stage } = await stageWithRest();
    const { after } = await loseAndRebuild(stage);
    after.clock.pass(1);
    const later = await orphan(after, await keyOf(after, 'orders'));
    const level0 = async () => (await segments(after)).filter((key) => key.includes('/0/'));
    const kept = await level0();
    expect(kept).toHaveLength(8);
    await collectFor(after, 4);
    // What came behind the rebuilding is garbage as ever.
    expect(await level0()).toEqual(kept.filter((key) => key !== later));
    expect((await collectionOf(after)).report).toMatchObject({ held: 7 });
    await discardUnplaced(after.deps);
    await collectFor(after, 4);
    expect(await level0()).toEqual([]);
    await expect(discardUnplaced(after.deps)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await recordsOf(after, 'orders')).toEqual(['0:a', '1:b', '2:c']);
    expect(await after.damages()).toEqual([]);
  });

  it('commits nothing of those who wrote before', async () => {
    const { stage, first } = await stageWithRest();
    const before = await stage.head(first);
    const { after } = await loseAndRebuild(stage);
    const head = await after.head(first);
    for (const key of await segments(stage)) expect(head.floor >= key.slice(-26)).toBe(true);
    const late: CommitArgs = {
      ...{
        form: 'plain' as const,
        known: before.next,
        entries: [before.tail[0]!],
        recordCount: 1,
        checksum: 0n,
        batchBytes: 1,
      },
      ...{ minId: firstIdAt(idTimeMs(head.floor)), tailEntriesCap: 90, tailBytesCap: 131_072 },
    };
    expect(await after.base.heads.commit(first, late)).toMatchObject({ outcome: 'refused' });
    expect(await after.base.heads.commit(first, { ...late, form: 'strict' })).toMatchObject({ outcome: 'refused' });
    // Whoever would commit late under what is true now is below the floor.
    const known = { ...late, known: head.next };
    expect(await after.base.heads.commit(first, known)).toMatchObject({ outcome: 'refused' });
    expect((await after.head(first)).next).toBe(head.next);
  });

  it('has its forks as well, with nothing of their sources that was not in them', async () => {
    const { stage } = await mixedStage();
    await compact(stage);
    await fork(stage, { at: { offsets: new Map([[0, 5n]]) } });
    const forked = await keyOf(stage, 'rehearsal');
    const { domain } = (await stage.base.topics.get('rehearsal'))!;
    await stage.append(forked, ['of the fork'], { domain });
    await compact(stage);
    const all = await recordsOf(stage, 'rehearsal');
    expect(all).toHaveLength(6);
    const { after, report } = await loseAndRebuild(stage);
    expect(await recordsOf(after, 'rehearsal')).toEqual(all);
    expect(report.topics.find(({ name }) => name === 'rehearsal')).toMatchObject({ domain });
    expect(await after.damages()).toEqual([]);
  });

  it('has of a topic that was compacted by key what that has left', async () => {
    const stage = cleanStage();
    const partition = await compacted(stage, [[['a=1', 'b=1'], ['c=1']], [['a=2'], ['d=1']], [['b']], [['e=1']]]);
    await stage.clean();
    await stage.write(partition, [['a=3'], ['e=2']]);
    await stage.compact();
    await stage.clean();
    const left = await stage.read(partition);
    const { after } = await loseAndRebuild(stage as never);
    const millrace = await connect({ store: after.base });
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'table' }]);
    const read: string[] = [];
    for await (const record of reader) read.push(readAs(record as never));
    expect(read).toEqual(left);
    await millrace.close();
    expect(await after.damages()).toEqual([]);
  });

  it('tells its gaps, and what was trimmed is back where its object is', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    for (const value of ['a', 'b', 'c']) await stage.append(partition!, [value]);
    await compact(stage);
    const [object] = (await segments(stage)).filter((key) => key.includes('/1/'));
    await stage.append(partition!, ['d']);
    await compact(stage);
    await stage.append(partition!, ['e']);
    await compact(stage);
    await stage.admin.trimPartition('orders', 0, 2n);
    const second = (await segments(stage))
      .filter((key) => key.includes('/1/') && key !== object)
      .toSorted((a, b) => (a.slice(-26) < b.slice(-26) ? -1 : 1))[0]!;
    await stage.base.objects.remove([second]);
    const { after, report } = await loseAndRebuild(stage);
    expect(await recordsOf(after, 'orders')).toEqual(['0:a', '1:b', '2:c', '4:e']);
    expect(partitionOf(report, 'orders').gaps).toEqual({ count: 1, first: [{ fromOffset: 3n, endOffset: 4n }] });
    expect(await after.damages()).toEqual([]);
  });

  it('names objects that are damaged, and restores the rest', async () => {
    const { stage } = await stageWithRest();
    const after = await withoutTables(stage);
    const [key] = (await segments(after)).filter((one) => one.includes('/1/'));
    const bytes = (await after.base.objects.get(key!, 0, 1e9))!;
    bytes[bytes.length - 40]! ^= 1;
    await after.base.objects.remove([key!]);
    await after.base.objects.put(key!, bytes);
    const report = await rebuild(after.deps);
    expect(report.damaged).toMatchObject({ count: 1, first: [{ key, code: 'CORRUPT_OBJECT' }] });
    expect(await after.damages()).toEqual([]);
    await collectFor(after, 4);
    expect(await segments(after)).toContain(key);
  });

  it('is the same however few chunks are worked on at once', async () => {
    const stage = maintenanceStage();
    const partitions = await stage.topic('orders', { partitionCount: 3 });
    for (let n = 0; n < 4; n++) for (const one of partitions) await stage.append(one, [`${n}`]);
    await compact(stage);
    const all = await Promise.all([0, 1, 2].map((number) => recordsOf(stage, 'orders', number)));
    for (const chunksAtOnce of [1, 3, 5, 100]) {
      const { after } = await loseAndRebuild(stage, { chunksAtOnce });
      for (const number of [0, 1, 2]) expect(await recordsOf(after, 'orders', number)).toEqual(all[number]);
      expect(await after.damages()).toEqual([]);
    }
  });
});

describe('a rebuilding', () => {
  it('tells of topics whose names nobody knows by their ids, and lets nothing of them go by its age', async () => {
    const { stage, first } = await stageWithRest();
    const after = await withoutTables(stage);
    const report = await rebuild(after.deps);
    expect(report.topics).toMatchObject([{ name: `recovered-${first.topicId}`, isNamed: false }]);
    // One partition less: of the third there is nothing.
    expect(report.topics[0]!.partitions).toHaveLength(2);
    after.clock.pass(400 * 24 * HOUR_MS);
    for (let pass = 0; pass < 3; pass++) {
      await after.run({ evenIfNotDue: true });
      after.clock.pass(HOUR_MS);
    }
    expect(await recordsOf(after, `recovered-${first.topicId}`)).toEqual(['0:a', '1:b', '2:c']);
  });

  it('writes nothing when it is only asked, not even of a log in use', async () => {
    const { stage } = await stageWithRest();
    const after = await withoutTables(stage);
    const topics = await namesOf(stage);
    const calls = after.faulty.calls.length;
    const planned = await rebuild(after.deps, { topics, dryRun: true });
    const operations = new Set(after.faulty.calls.slice(calls).map(({ operation }) => operation));
    expect([...operations].toSorted()).toEqual(['objects.get', 'objects.list']);
    const made = await rebuild(after.deps, { topics });
    expect(planned).toEqual({ ...made, dryRun: true });
    const before = await stage.objects();
    expect(await rebuild(stage.deps, { topics, dryRun: true })).toMatchObject({ topics: [{ name: 'orders' }] });
    expect(await stage.objects()).toEqual(before);
  });

  it('is refused where a topic is, and leaves collection alone', async () => {
    const { stage } = await stageWithRest();
    await expect(rebuild(stage.deps)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await stage.base.jobs.read('rebuild')).toBeNull();
    const { after } = await loseAndRebuild(stage);
    await expect(rebuild(after.deps)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await recordsOf(after, 'orders')).toEqual(['0:a', '1:b', '2:c']);
  });

  it('is refused where only the topics are lost: heads and chunks know more', async () => {
    for (const left of ['head', 'chunks'] as const) {
      const { stage, first } = await stageWithRest();
      const chunks = await stage.chunks(first);
      const after = await withoutTables(stage);
      if (left === 'chunks') await after.base.chunks.put(first, chunks[0]!);
      else {
        const topic = (await stage.base.topics.get('orders'))!;
        await after.base.topics.create(topic);
        const heads = { topicName: 'orders', topicId: first.topicId, partitions: [0] };
        await after.base.topics.createHeads({ ...heads, floor: await after.base.topics.readGlobalFloor() });
        await after.base.topics.update({ ...topic, state: 'deleting' });
        await after.base.topics.remove('orders', first.topicId);
      }
      await expect(rebuild(after.deps)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      expect(await after.base.topics.list(null, 10)).toEqual([]);
      if (left === 'chunks') expect(await after.chunks(first)).toEqual([chunks[0]]);
      // It is no rebuilding that collection would have to wait for.
      await after.run({ jobs: ['collection'], evenIfNotDue: true });
      expect((await collectionOf(after)).report.isRebuilding).toBeUndefined();
    }
  });

  it.each([
    ['an unknown topic', { topics: new Map([['11111111-0000-4000-8000-000000000000', { name: 'other' }]]) }],
    ['a name that is none', { topics: new Map([['11111111-0000-4000-8000-000000000000', { name: 'a b' }]]) }],
  ])('is refused for %s, before anything is written', async (_, request) => {
    const { stage } = await stageWithRest();
    const after = await withoutTables(stage);
    await expect(rebuild(after.deps, request)).rejects.toThrow();
    expect(await after.base.topics.list(null, 10)).toEqual([]);
    await rebuild(after.deps);
  });

  it('is refused for fewer partitions than there were, and for one name twice', async () => {
    const { stage, first } = await stageWithRest();
    await stage.topic('others');
    const after = await withoutTables(stage);
    const few = new Map([[first.topicId, { name: 'orders', partitionCount: 1 }]]);
    await expect(rebuild(after.deps, { topics: few })).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' });
    const twice = new Map([
      [first.topicId, { name: 'orders' }],
      ['11111111-0000-4000-8000-000000000000', { name: 'orders' }],
    ]);
    await expect(rebuild(after.deps, { topics: twice })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });
});
