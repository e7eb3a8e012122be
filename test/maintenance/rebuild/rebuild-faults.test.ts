/** Rebuildings that are killed, whose requests go astray, and beside which others work. */
import { describe, expect, it } from 'vitest';
import { decodeEntry } from '../../../lib/log/entry.ts';
import { rebuild } from '../../../lib/maintenance/rebuild/rebuild.ts';
import { type FaultyStoreOptions, scriptedFaults } from '../../log/faulty-store.ts';
import { collectFor, collectionOf, segments } from '../collection-stage.ts';
import { compact, keyOf, recordsOf } from '../fork-stage.ts';
import { HOUR_MS, MINUTE_MS, maintenanceStage } from '../maintenance-stage.ts';
import { allChunks, namesOf, withoutTables } from './rebuild-stage.ts';

type OnCall = NonNullable<FaultyStoreOptions['onCall']>;

/** Two topics with chunks, one of them with a gap. */
async function source() {
  const stage = maintenanceStage();
  const [orders] = await stage.topic('orders', { partitionCount: 2 });
  const [users] = await stage.topic('users');
  await stage.append(orders!, ['a']);
  await compact(stage);
  await stage.append(orders!, ['b']);
  await stage.append(users!, ['x', 'y']);
  await compact(stage);
  await stage.append(orders!, ['c']);
  await compact(stage);
  const level1 = (await segments(stage))
    .filter((key) => key.includes('/1/'))
    .toSorted((a, b) => (a.slice(-26) < b.slice(-26) ? -1 : 1));
  // Of orders the second of three; users has one of its own.
  const indexed = await stage.chunks(orders!);
  const { id } = decodeEntry(indexed[1]!.entries[0]!);
  await stage.base.objects.remove(level1.filter((key) => key.endsWith(id)));
  return { stage, topics: await namesOf(stage) };
}

const expectRebuilt = async (after: Awaited<ReturnType<typeof withoutTables>>) => {
  expect(await recordsOf(after, 'orders')).toEqual(['0:a', '2:c']);
  expect(await recordsOf(after, 'orders', 1)).toEqual([]);
  expect(await recordsOf(after, 'users')).toEqual(['0:x', '1:y']);
  expect(await after.damages()).toEqual([]);
};

describe('a rebuilding that is interrupted', () => {
  it('at any request is gone on with, and then is the same', async () => {
    const { stage, topics } = await source();
    const whole = await withoutTables(stage);
    const before = whole.faulty.calls.length;
    await rebuild(whole.deps, { topics });
    const count = whole.faulty.calls.length - before;
    expect(count).toBeGreaterThan(60);
    const [chunks, head] = [
      await allChunks(whole, await keyOf(whole, 'orders')),
      await whole.head(await keyOf(whole, 'orders')),
    ];
    for (let at = 0; at < count; at++) {
      let calls = 0;
      let isDead = false;
      const onCall: OnCall = async () => {
        isDead ||= calls++ === at;
        // A process that was killed asks for nothing any more.
        if (isDead) throw new Error('killed');
      };
      const after = await withoutTables(stage, { onCall });
      await expect(rebuild(after.deps, { topics })).rejects.toThrow('killed');
      isDead = false;
      calls = Number.NEGATIVE_INFINITY;
      const isTaken = ((await after.base.jobs.read('rebuild'))?.expiresAtMs ?? 0) > 0;
      if (isTaken) await expect(rebuild(after.deps, { topics })).rejects.toMatchObject({ code: 'TOPIC_BUSY' });
      after.clock.pass(2 * MINUTE_MS);
      // The last request of all releases what is done.
      const isDone = (await after.base.topics.get('users'))?.state === 'active' && at === count - 1;
      if (!isDone || isTaken) await rebuild(after.deps, { topics });
      await expectRebuilt(after);
      const partition = await keyOf(after, 'orders');
      // The gaps are the same, though under other names.
      const places = (all: typeof chunks) => all.map(({ base, end, version }) => ({ base, end, version }));
      const again = await allChunks(after, partition);
      expect((await after.head(partition)).next).toBeGreaterThanOrEqual(head.next);
      expect(places(again).slice(0, -1)).toEqual(places(chunks).slice(0, -1));
      stage.clock.pass(-2 * MINUTE_MS);
    }
  });

  it.each([
    'objects.get',
    'objects.put',
    'objects.list',
    'chunks.put',
    'chunks.query',
    'heads.read',
    'topics.create',
    'topics.createHeads',
    'topics.update',
    'topics.raiseGlobalFloor',
    'jobs.take',
    'jobs.update',
  ] as const)('by faults of %s goes on', async (operation) => {
    const { stage, topics } = await source();
    for (const fault of ['lost', 'dropped', 'throttled', 'unavailable', 'repeated', 'late', 'repeated-late'] as const) {
      const plan = scriptedFaults({ [operation]: [fault, null, fault] });
      const after = await withoutTables(stage, { plan });
      await rebuild(after.deps, { topics });
      // What comes late changes nothing.
      for (const late of after.faulty.late) await late.release();
      expect(after.faulty.calls.some((call) => call.fault === fault)).toBe(true);
      await expectRebuilt(after);
    }
  });

  it('is not gone on with by two at once', async () => {
    const { stage, topics } = await source();
    let other: Promise<unknown> | null = null;
    const after = await withoutTables(stage, {
      onCall: async ({ operation }) => {
        if (operation !== 'topics.create' || other !== null) return;
        other = rebuild(after.deps, { topics });
        await expect(other).rejects.toMatchObject({ code: 'TOPIC_BUSY' });
      },
    });
    await rebuild(after.deps, { topics });
    expect(other).not.toBeNull();
    await expectRebuilt(after);
  });
});

describe('collection beside a rebuilding', () => {
  it('condemns nothing, whenever it runs, and deletes nothing of what it condemned before', async () => {
    const { stage, topics } = await source();
    let calls = 0;
    let isCollecting = false;
    const after = await withoutTables(stage, {
      onCall: async () => {
        if (isCollecting || calls++ % 7 !== 0) return;
        isCollecting = true;
        await after.run({ jobs: ['collection'], evenIfNotDue: true, restoreWindowMs: 0, freshMs: 0 });
        isCollecting = false;
      },
    });
    isCollecting = true;
    await collectFor(after, 1);
    isCollecting = false;
    const kept = await segments(after);
    await rebuild(after.deps, { topics });
    isCollecting = true;
    expect(await segments(after)).toEqual(expect.arrayContaining(kept));
    await expectRebuilt(after);
    after.clock.pass(HOUR_MS);
    await collectFor(after, 4);
    await expectRebuilt(after);
    expect(await segments(after)).toEqual(expect.arrayContaining(kept.filter((key) => key.includes('/0/'))));
  });

  it('stands back from one that was killed', async () => {
    const { stage, topics } = await source();
    const after = await withoutTables(stage, {
      onCall: async ({ operation }) => {
        if (operation === 'topics.createHeads') throw new Error('killed');
      },
    });
    await expect(rebuild(after.deps, { topics })).rejects.toThrow('killed');
    const kept = await segments(after);
    await collectFor(after, 3);
    expect((await collectionOf(after)).report).toMatchObject({ isRebuilding: true, condemned: 0 });
    expect(await segments(after)).toEqual(kept);
  });
});
