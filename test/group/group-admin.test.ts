import { describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { codeOf, TOPIC } from '../client/client-stage.ts';
import { type ConsumerStage, consumerStage, during } from '../client/consumer-stage.ts';

const at = (partition: number) => ({ topic: TOPIC, partition });

/** A group that has read two partitions of 4 records, committed 2 in each, and left. */
async function readGroup(): Promise<ConsumerStage> {
  const stage = await consumerStage({ partitionCount: 2 });
  for (const partition of [0, 1]) await stage.send(partition, 4);
  const { consumer } = await stage.join('a');
  await stage.clock.advance(1_000);
  await during(stage.clock, consumer.commit([0, 1].map((partition) => ({ ...at(partition), offset: 2n }))));
  await during(stage.clock, consumer.close());
  return stage;
}

const committed = async ({ store, millrace, clock }: ConsumerStage, group = 'g') => {
  const { topicId } = await during(clock, millrace.topics.getTopic(TOPIC));
  const found = await store.offsets.readMany(
    group,
    [0, 1].map((partition) => ({ topicId, partition })),
  );
  return found.map((offset) => offset?.committed ?? null);
};

describe('describing a group', () => {
  it('tells who is in it, who reads what, and how far behind it is', async () => {
    const stage = await readGroup();
    await stage.clock.advance(60_000);
    const loop = await stage.join('b', { groupInstanceId: 'b-1', handle: () => new Promise(() => {}) });
    await stage.clock.advance(2_000);
    const group = await during(stage.clock, stage.millrace.groups.describeGroup('g'));
    expect(group).toMatchObject({ name: 'g', state: 'stable', kind: 'sdk', assignor: 'cooperative-sticky' });
    expect(group.members).toMatchObject([
      { id: loop.consumer.memberId, instanceId: 'b-1', clientId: 'b', topics: [TOPIC], partitions: [at(0), at(1)] },
    ]);
    expect(group.members[0]!.heartbeatAtMs).toBeGreaterThan(stage.clock.nowMs() - 2_000);
    expect(group.partitions).toMatchObject(
      [0, 1].map((partition) => ({
        ...at(partition),
        committed: 2n,
        logStartOffset: 0n,
        highWatermark: 4n,
        lag: 2n,
        owner: loop.consumer.memberId,
      })),
    );
    for (const { lagMs } of group.partitions) expect(lagMs).toBeGreaterThanOrEqual(60_000);
  });

  it('seeks, and is joined in, a group that Kafka clients have left', async () => {
    const stage = await readGroup();
    const { groups } = stage.millrace;
    const read = () => stage.store.groups.get('g').then((group) => group!);
    const coordination = { gateway: 'a', tenure: 'b', state: {} };
    await stage.store.groups.update({ ...(await read()), kind: 'classic', coordination });
    await during(stage.clock, groups.seekGroup('g', { to: 'start' }));
    expect(await committed(stage)).toEqual([0n, 0n]);
    expect(await read()).toMatchObject({ kind: 'classic', coordination });
    await stage.join('b');
    await stage.clock.advance(2_000);
    expect(await read()).toMatchObject({ kind: 'sdk', coordination: null, members: [{ clientId: 'b' }] });
  });

  it('lets nobody join, seek or empty a group that Kafka clients are in', async () => {
    const stage = await readGroup();
    const group = (await stage.store.groups.get('g'))!;
    const member = {
      id: 'k',
      instanceId: null,
      clientId: 'kafka',
      topics: [TOPIC],
      pattern: null,
      assignors: [],
      sessionMs: 10,
    };
    const joined = { ...group, kind: 'classic', members: [member], assignor: 'anything' } as const;
    await stage.store.groups.update({ ...joined, coordination: { gateway: 'a', tenure: 'b', state: {} } });
    const { groups } = stage.millrace;
    expect(await during(stage.clock, groups.describeGroup('g'))).toMatchObject({ kind: 'classic', state: 'stable' });
    await expect(during(stage.clock, stage.join('b'))).rejects.toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' });
    const seek = groups.seekGroup('g', { to: 'start' });
    await expect(during(stage.clock, seek)).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' });
    const wait = groups.removeSilentMembers('g');
    await expect(during(stage.clock, wait)).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' });
  });

  it('tells the nearest name of a group that is not there', async () => {
    const { millrace, clock } = await readGroup();
    const { groups } = millrace;
    await expect(during(clock, groups.describeGroup('gg'))).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' });
    expect(await codeOf(groups.describeGroup(''))).toBe('INVALID_GROUP_ID');
    expect(await during(clock, groups.listGroups())).toEqual(['g']);
  });
});

describe('seeking a group', () => {
  it.each([
    ['start', [0n, 0n]],
    ['end', [4n, 4n]],
    [3n, [3n, 3n]],
    [{ timestampMs: 0 }, [0n, 0n]],
    [{ timestampMs: Number.MAX_SAFE_INTEGER }, [4n, 4n]],
  ] as const)('to %s moves every partition', async (to, after) => {
    const stage = await readGroup();
    const plan = await during(stage.clock, stage.millrace.groups.seekGroup('g', { to, dryRun: true }));
    expect(plan).toEqual(after.map((offset, partition) => ({ ...at(partition), before: 2n, after: offset })));
    expect(await committed(stage)).toEqual([2n, 2n]);
    expect(await during(stage.clock, stage.millrace.groups.seekGroup('g', { to }))).toEqual(plan);
    expect(await committed(stage)).toEqual(after);
  });

  it('moves only what it is told, and to where another group is', async () => {
    const stage = await readGroup();
    const { groups } = stage.millrace;
    await during(stage.clock, groups.seekGroup('g', { to: 'end', topics: [{ topic: TOPIC, partitions: [1] }] }));
    expect(await committed(stage)).toEqual([2n, 4n]);
    const other = await stage.join('a', { group: 'other' });
    await during(stage.clock, other.consumer.close());
    await during(stage.clock, groups.seekGroup('other', { to: { group: 'g' } }));
    expect(await committed(stage, 'other')).toEqual([2n, 4n]);
  });

  it('makes a group that is not there where topics are named, and its first member goes on there', async () => {
    const stage = await readGroup();
    const { groups } = stage.millrace;
    const topics = [{ topic: TOPIC }];
    await during(stage.clock, groups.seekGroup('copy', { to: { group: 'g' }, topics, dryRun: true }));
    expect(await during(stage.clock, groups.listGroups())).toEqual(['g']);
    await during(stage.clock, groups.seekGroup('copy', { to: { group: 'g' }, topics }));
    expect([await during(stage.clock, groups.listGroups()), await committed(stage, 'copy')]).toEqual([
      ['copy', 'g'],
      [2n, 2n],
    ]);
    const { seen } = await stage.join('a', { group: 'copy', autoOffsetReset: 'latest' });
    await stage.clock.advance(5_000);
    expect([...seen].sort()).toEqual(['0/2', '0/3', '1/2', '1/3']);
  });

  it('leaves where other partitions of a new topic begin to the first member', async () => {
    const stage = await readGroup();
    const { groups } = stage.millrace;
    const topics = [{ topic: TOPIC, partitions: [1] }];
    await during(stage.clock, groups.seekGroup('copy', { to: 1n, topics }));
    const { seen } = await stage.join('a', { group: 'copy', autoOffsetReset: 'latest' });
    await stage.clock.advance(5_000);
    expect([...seen].sort()).toEqual(['1/1', '1/2', '1/3']);
  });

  it('does not make a group anew that is deleted while it is sought', async () => {
    const stage = await readGroup();
    const { store } = stage;
    let looks = 0;
    const deleting: DelayStore = {
      ...store,
      groups: {
        ...store.groups,
        get: async (name) => {
          looks += 1;
          const group = await store.groups.get(name);
          return looks > 2 ? null : group;
        },
      },
    };
    const sought = new Millrace({ store: deleting, clock: stage.clock, random }).groups.seekGroup('g', { to: 'end' });
    expect(await codeOf(during(stage.clock, sought))).toBe('GROUP_ID_NOT_FOUND');
    expect(looks).toBe(3);
    expect(await committed(stage)).toEqual([2n, 2n]);
  });

  it('raises the generation, so that nothing that was sent before can undo it', async () => {
    const stage = await readGroup();
    const before = (await stage.store.groups.get('g'))!.generation;
    await during(stage.clock, stage.millrace.groups.seekGroup('g', { to: 'end' }));
    const { topicId } = await during(stage.clock, stage.millrace.topics.getTopic(TOPIC));
    const late = { generation: before, sequence: 99, offset: 0n, metadata: '', atMs: 0 };
    const { outcome } = await stage.store.offsets.commit('g', { topicId, partition: 0 }, late);
    expect([outcome, await committed(stage)]).toEqual(['refused', [4n, 4n]]);
    expect((await stage.store.groups.get('g'))!.generation).toBeGreaterThan(before);
  });

  it.each([
    ['an offset that is not there', { to: 5n }, 'OFFSET_OUT_OF_RANGE'],
    ['no position', { to: 'begin' }, 'INVALID_REQUEST'],
    ['a topic that is not there', { to: 'end', topics: [{ topic: 'nowhere' }] }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [
      'a partition that is not there',
      { to: 'end', topics: [{ topic: TOPIC, partitions: [7] }] },
      'UNKNOWN_TOPIC_OR_PARTITION',
    ],
    ['where a group is that is not there', { to: { group: 'nobody' } }, 'GROUP_ID_NOT_FOUND'],
  ])('to %s is refused, and nothing is moved', async (_, request, code) => {
    const stage = await readGroup();
    const sought = stage.millrace.groups.seekGroup('g', request as never);
    expect(await codeOf(during(stage.clock, sought))).toBe(code);
    expect(await committed(stage)).toEqual([2n, 2n]);
  });

  it('is refused while the group has members', async () => {
    const stage = await readGroup();
    await stage.join('b');
    const sought = stage.millrace.groups.seekGroup('g', { to: 'start' });
    expect(await codeOf(during(stage.clock, sought))).toBe('NON_EMPTY_GROUP');
    expect(await committed(stage)).toEqual([2n, 2n]);
  });
});

describe('deleting a group', () => {
  it('forgets its offsets, and who joins again begins anew', async () => {
    const stage = await readGroup();
    const { groups } = stage.millrace;
    await during(stage.clock, groups.deleteGroup('g'));
    expect(await during(stage.clock, groups.listGroups())).toEqual([]);
    expect(await committed(stage)).toEqual([null, null]);
    expect(await codeOf(during(stage.clock, groups.deleteGroup('g')))).toBe('GROUP_ID_NOT_FOUND');
    const { seen } = await stage.join('b');
    await stage.clock.advance(1_000);
    expect(seen).toHaveLength(8);
  });

  it('is refused while it has members', async () => {
    const stage = await readGroup();
    await stage.join('b');
    expect(await codeOf(during(stage.clock, stage.millrace.groups.deleteGroup('g')))).toBe('NON_EMPTY_GROUP');
  });

  it('that was interrupted is finished by whoever comes next', async () => {
    const stage = await readGroup();
    const group = (await stage.store.groups.get('g'))!;
    await stage.store.groups.update({ ...group, state: 'deleting' });
    expect(await codeOf(during(stage.clock, stage.millrace.groups.describeGroup('g')))).toBe('GROUP_ID_NOT_FOUND');
    const { seen } = await stage.join('b');
    await stage.clock.advance(1_000);
    expect(seen).toHaveLength(8);
    expect((await stage.store.groups.get('g'))!.groupId).not.toBe(group.groupId);
  });
});

describe('members that are silent', () => {
  it('are taken out when all of them have been for their session', async () => {
    const stage = await readGroup();
    const group = (await stage.store.groups.get('g'))!;
    const ghost = {
      clientId: 'x',
      instanceId: null,
      topics: [TOPIC],
      pattern: null,
      assignors: ['range'],
      sessionMs: 5_000,
    };
    const members = [{ ...ghost, id: 'ghost', assignors: ['range'] as const }];
    await stage.store.groups.update({ ...group, members, assignment: new Map([['ghost', []]]) });
    const waits: number[] = [];
    const onWait = (_: number, silentMs: number) => void waits.push(silentMs);
    await during(stage.clock, stage.millrace.groups.removeSilentMembers('g', { onWait }));
    expect((await stage.store.groups.get('g'))!.members).toEqual([]);
    expect(waits.length).toBeGreaterThanOrEqual(5);
  });

  it('are not taken out while one of them beats', async () => {
    const stage = await readGroup();
    const { consumer } = await stage.join('b');
    const removed = stage.millrace.groups.removeSilentMembers('g');
    expect(await codeOf(during(stage.clock, removed))).toBe('NON_EMPTY_GROUP');
    expect(consumer.memberId).not.toBeNull();
  });
});
