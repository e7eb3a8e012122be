/** Forks that are killed, whose requests go astray, and beside which maintenance goes on. */
import { describe, expect, it } from 'vitest';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { type FaultyStoreOptions, scriptedFaults } from '../log/faulty-store.ts';
import { collectFor, collectionOf, segments } from './collection-stage.ts';
import { ALL, compact, copiesOf, fork, keyOf, mixedStage, namesOf, recordsOf } from './fork-stage.ts';
import { HOUR_MS, maintenanceStage } from './maintenance-stage.ts';

type OnCall = NonNullable<FaultyStoreOptions['onCall']>;

describe('a fork that is interrupted', () => {
  /** The requests that a fork makes, in their order. */
  const countOf = async () => {
    const { stage } = await mixedStage();
    const before = stage.faulty.calls.length;
    await fork(stage);
    return { before, after: stage.faulty.calls.length };
  };

  it('at any request is either not there yet or half made, and is made anew once that is deleted', async () => {
    const { before, after } = await countOf();
    expect(after - before).toBeGreaterThan(20);
    for (let at = before; at < after; at++) {
      let calls = 0;
      let isDead = false;
      const onCall: OnCall = async () => {
        isDead ||= calls++ === at;
        // A process that was killed asks for nothing any more.
        if (isDead) throw new Error('killed');
      };
      const { stage } = await mixedStage({ onCall });
      await expect(fork(stage)).rejects.toThrow('killed');
      isDead = false;
      calls = Number.NEGATIVE_INFINITY;
      const half = await stage.base.topics.get('rehearsal');
      if (half !== null) {
        expect(half.state).toBe('creating');
        await expect(fork(stage)).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' });
        // Empty heads would hide what is there.
        const shape = { name: 'rehearsal', partitionCount: 2, config: half.config, domain: 'own' };
        await expect(stage.admin.createTopic(shape)).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' });
        await stage.admin.deleteTopic('rehearsal');
      }
      await fork(stage);
      expect(await recordsOf(stage, 'rehearsal')).toEqual(ALL);
      expect(await stage.damages()).toEqual([]);
    }
  });

  it('leaves objects that collection deletes, and none that the other needs', async () => {
    const onCall: OnCall = async ({ operation }) => {
      if (operation === 'topics.createHeads') throw new Error('killed');
    };
    const { stage } = await mixedStage({ onCall });
    await expect(fork(stage)).rejects.toThrow('killed');
    expect((await copiesOf(stage)).length).toBeGreaterThan(0);
    await stage.admin.deleteTopic('rehearsal');
    await collectFor(stage, 4);
    expect(await copiesOf(stage)).toEqual([]);
    expect(await recordsOf(stage, 'orders')).toEqual(ALL);
    expect(await stage.damages()).toEqual([]);
  });

  it('ends when its topic is deleted, and makes no head', async () => {
    const once = { done: false };
    const { stage } = await mixedStage({
      onCall: async ({ operation }) => {
        if (operation !== 'topics.createHeads' || once.done) return;
        once.done = true;
        await stage.admin.deleteTopic('rehearsal');
      },
    });
    await expect(fork(stage)).rejects.toMatchObject({ code: 'TOPIC_BUSY' });
    expect(await stage.base.topics.get('rehearsal')).toBeNull();
    await fork(stage);
    expect(await recordsOf(stage, 'rehearsal')).toEqual(ALL);
  });

  it('puts nothing for a topic that was deleted while it copied', async () => {
    let topicId = '';
    const { stage } = await mixedStage({
      onCall: async ({ operation }) => {
        if (operation !== 'objects.copy' || topicId !== '') return;
        topicId = (await keyOf(stage, 'rehearsal')).topicId;
        await stage.admin.deleteTopic('rehearsal');
      },
    });
    await expect(fork(stage)).rejects.toMatchObject({ code: 'TOPIC_BUSY' });
    for (const partition of [0, 1]) expect(await stage.chunks({ topicId, partition })).toEqual([]);
  });

  it.each([
    'objects.copy',
    'objects.put',
    'chunks.put',
    'topics.create',
    'topics.createHeads',
    'topics.update',
  ] as const)('by faults of %s goes on', async (operation) => {
    for (const fault of ['lost', 'dropped', 'throttled', 'unavailable', 'repeated', 'late', 'repeated-late'] as const) {
      const plan = scriptedFaults({ [operation]: [fault, null, fault] });
      let isForking = false;
      const { stage } = await mixedStage({
        plan: { ...plan, next: (...asked) => (isForking ? plan.next(...asked) : null) },
      });
      isForking = true;
      const calls = stage.faulty.calls.length;
      await fork(stage);
      // What comes late changes nothing.
      for (const late of stage.faulty.late) await late.release();
      expect(stage.faulty.calls.slice(calls).some((call) => call.fault === fault)).toBe(true);
      expect(await recordsOf(stage, 'rehearsal')).toEqual(ALL);
      expect(await recordsOf(stage, 'rehearsal', 1)).toEqual(['0:x']);
      expect(await stage.damages()).toEqual([]);
    }
  });
});

describe('a fork beside maintenance', () => {
  it('is refused when collection has passed its objects before its head was made', async () => {
    let isLate = false;
    const { stage } = await mixedStage({
      onCall: async ({ operation }) => {
        if (operation !== 'topics.createHeads' || isLate) return;
        isLate = true;
        stage.clock.pass(2 * HOUR_MS);
        await stage.base.topics.raiseGlobalFloor(firstIdAt(stage.clock.nowMs() - HOUR_MS));
      },
    });
    await expect(fork(stage)).rejects.toMatchObject({ code: 'TOPIC_BUSY', retriable: false });
    const { topicId } = (await stage.base.topics.get('rehearsal'))!;
    expect(await stage.base.heads.read({ topicId, partition: 0 }, { consistent: true })).toBeNull();
  });

  it('goes on where the floor has risen, but not over its objects', async () => {
    let raised = 0;
    const { stage } = await mixedStage({
      onCall: async ({ operation }) => {
        if (operation !== 'topics.createHeads' || raised === 2) return;
        raised += 1;
        await stage.base.topics.raiseGlobalFloor(firstIdAt(stage.clock.nowMs() - HOUR_MS + raised));
      },
    });
    await fork(stage);
    expect(raised).toBe(2);
    expect(await recordsOf(stage, 'rehearsal')).toEqual(ALL);
    expect(await stage.damages()).toEqual([]);
  });

  it.each([
    ['objects.copy', 1n],
    ['objects.copy', 2n],
    ['objects.copy', 4n],
    ['chunks.put', 4n],
    ['chunks.put', 6n],
    ['objects.get', 6n],
    ['objects.get', 7n],
    ['objects.get', 8n],
  ] as const)(
    'has no hole when its source is trimmed during %s to %i, and all that is dropped is gone at once',
    async (at, before) => {
      let isForking = false;
      let isTrimmed = false;
      const { stage, first } = await mixedStage({
        onCall: async ({ operation }) => {
          if (operation !== at || isTrimmed || !isForking) return;
          isTrimmed = true;
          await stage.admin.trimPartition('orders', 0, before);
          // As retention and collection would, long after.
          const all = { endAtMost: before, maxIdAtMost: firstIdAt(stage.clock.nowMs() + HOUR_MS) };
          for (const { base } of await stage.chunks(first)) await stage.base.chunks.remove(first, base, all);
          const keep = new Set(await namesOf(stage, 'orders'));
          const gone = (await segments(stage)).filter(
            (key) => !key.startsWith('t-') && !keep.has(key.split('/').at(-1)!),
          );
          await stage.base.objects.remove(gone);
        },
      });
      isForking = true;
      await fork(stage);
      expect(isTrimmed).toBe(true);
      const records = await recordsOf(stage, 'rehearsal');
      // Never a hole: what is there ends where the source ended, and nothing is missing in between.
      expect(ALL.slice(-records.length || ALL.length)).toEqual(records);
      expect(await recordsOf(stage, 'rehearsal', 1)).toEqual(['0:x']);
      expect(await stage.damages()).toEqual([]);
    },
  );

  it('fails where an object is missing, and leaves nothing that can be read', async () => {
    const { stage } = await mixedStage();
    const [lost] = (await segments(stage)).filter((key) => /^[^/]+\/1\//.test(key));
    await stage.base.objects.remove([lost!]);
    await expect(fork(stage)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
    expect(await stage.base.topics.get('rehearsal')).toMatchObject({ state: 'creating' });
    await expect(stage.admin.getTopic('rehearsal')).rejects.toMatchObject({ code: 'TOPIC_BUSY' });
  });

  it('fails where an object is gone when its copy is asked for', async () => {
    let isForking = false;
    const { stage } = await mixedStage({
      onCall: async ({ operation }) => {
        if (operation !== 'objects.copy' || !isForking) return;
        isForking = false;
        await stage.base.objects.remove((await segments(stage)).filter((key) => /^[^/]+\/1\//.test(key)));
      },
    });
    isForking = true;
    await expect(fork(stage)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });

  it('keeps its copies while its partition cannot be read, although their index speaks of the source', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b']);
    await compact(stage);
    await fork(stage);
    const copies = await copiesOf(stage);
    expect(copies).toHaveLength(1);
    const forked = await keyOf(stage, 'rehearsal');
    const [chunk] = await stage.chunks(forked);
    const { base, end, version, entries } = chunk!;
    await stage.base.chunks.replace(forked, base, { version, end, reference: new Uint8Array(3) });
    await collectFor(stage, 4);
    expect(await copiesOf(stage)).toEqual(copies);
    expect((await collectionOf(stage)).report).toMatchObject({ keptForDamage: 1, strange: null });
    await stage.base.chunks.replace(forked, base, { version: version + 1, end, reference: entries[0]! });
    expect(await recordsOf(stage, 'rehearsal')).toEqual(['0:a', '1:b']);
  });

  it('has its copies deleted once its own retention has dropped them', async () => {
    const { stage } = await mixedStage();
    await fork(stage);
    for (const partition of [0, 1]) await stage.admin.trimPartition('rehearsal', partition, 'end');
    for (let pass = 0; pass < 2; pass++) await stage.run({ jobs: ['retention'], evenIfNotDue: true });
    await collectFor(stage, 4);
    expect(await copiesOf(stage)).toEqual([]);
    expect(await recordsOf(stage, 'orders')).toEqual(ALL);
    expect(await stage.damages()).toEqual([]);
  });
});
