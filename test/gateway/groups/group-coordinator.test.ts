import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../lib/errors.ts';
import { handleOffsetFetch } from '../../../lib/gateway/groups/offset-fetch.ts';
import type { GroupOffset } from '../../../lib/group/group-offset.ts';
import { noUsage } from '../../../lib/log/meter.ts';
import { CoordinatorStage, errorName, TOPIC } from './coordinator-stage.ts';

const all = (partitions: readonly number[], offset: bigint) =>
  Object.fromEntries(partitions.map((partition) => [partition, offset]));

describe('a coordinator', () => {
  it('brings members together, and stores what another gateway needs', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [first, second] = await here.stable([[0, 1], [2]]);
    const group = (await stage.store.groups.get('g'))!;
    expect(group).toMatchObject({
      kind: 'classic',
      assignor: 'range',
      members: [
        { id: first!.memberId, clientId: 'client', topics: [TOPIC], sessionMs: 10_000 },
        { id: second!.memberId },
      ],
      coordination: { gateway: here.coordinator.deps.gateways.self.id, state: { generation: 2, protocol: 'range' } },
    });
    const described = await stage.during(stage.millrace.groups.describeGroup('g'));
    expect(described).toMatchObject({ kind: 'classic', state: 'stable', assignor: 'range' });
    expect(described.members.map(({ partitions }) => partitions.map(({ partition }) => partition))).toEqual([
      [0, 1],
      [2],
    ]);
  });

  it('hears its members without asking the store', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0]]);
    const usage = await stage.usageOf(async () => {
      for (let beat = 0; beat < 20; beat++) expect(await here.beat(member!)).toBe('NONE');
    });
    expect(usage).toEqual(noUsage);
  });

  it('commits with one write for each partition, having claimed them when they were assigned', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0, 1, 2]]);
    const usage = await stage.usageOf(() => here.commit(member!, all([0, 1, 2], 7n)));
    expect(usage).toEqual({ ...noUsage, writeRequests: 3, writeUnits: 3 });
    expect(await here.fetch([0, 1, 2, 3])).toEqual([7n, 7n, 7n, -1n]);
  });

  it('claims what is assigned once, and nothing at a rebalance that assigns the same', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0, 1, 2]]);
    const usage = await stage.usageOf(async () => {
      const { generationId } = await here.during(here.join({ memberId: member!.memberId }));
      const again = { memberId: member!.memberId, generation: generationId! };
      await here.during(here.sync(again, { [member!.memberId]: [0, 1, 2] }));
    });
    expect(usage).toMatchObject({ writeRequests: 1, writeUnits: 1 });
  });

  it('hands a group over with its members, their generation and what they have committed', async () => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [first, second] = await here.stable([[0, 1], [2]], [null, 'i']);
    expect(await here.commit(first!, { 0: 5n })).toBe('NONE');
    expect(await there.during(there.beat(first!))).toBe('NONE');
    expect(await there.beat(second!)).toBe('NONE');
    expect(await there.commit(first!, { 0: 6n })).toBe('NONE');
    // The one before cannot commit any more, nor undo anything, and learns of it.
    expect(await here.commit(first!, { 0: 4n })).toBe('NOT_COORDINATOR');
    expect(await there.fetch([0])).toEqual([6n]);
  });

  it('fences what others have sent before it gives a partition to a member', async () => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [former] = await here.stable([[0]]);
    await here.commit(former!, { 0: 5n });
    const { topicId } = await stage.during(stage.millrace.topics.getTopic(TOPIC));
    const partition = { topicId, partition: 0 };
    const [{ generation, sequence }] = (await stage.store.offsets.readMany('g', [partition])) as [GroupOffset];
    await here.leave(former!);
    await there.stable([[0]]);
    const late = { generation, sequence: sequence + 1, offset: 50n, metadata: '', atMs: 0 };
    expect(await stage.store.offsets.commit('g', partition, late)).toMatchObject({ outcome: 'refused' });
    expect(await there.fetch([0])).toEqual([5n]);
  });

  it('fences what another has sent when it takes the group, though the member goes on with its partition', async () => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [member] = await here.stable([[0]]);
    await here.commit(member!, { 0: 5n });
    const { topicId } = await stage.during(stage.millrace.topics.getTopic(TOPIC));
    const partition = { topicId, partition: 0 };
    const [{ generation, sequence }] = (await stage.store.offsets.readMany('g', [partition])) as [GroupOffset];
    expect(await there.during(there.beat(member!))).toBe('NONE');
    const late = { generation, sequence: sequence + 1, offset: 50n, metadata: '', atMs: 0 };
    expect(await stage.store.offsets.commit('g', partition, late)).toMatchObject({ outcome: 'refused' });
    expect(await there.fetch([0])).toEqual([5n]);
  });

  it('that was robbed sends away whoever waits, and takes the group back when it is asked again', async () => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [member] = await here.stable([[0]]);
    await there.during(there.beat(member!));
    const joined = await here.during(here.join({ memberId: member!.memberId }));
    const sync = here.sync(
      { memberId: member!.memberId, generation: joined.generationId! },
      { [member!.memberId]: [0] },
    );
    expect(errorName((await here.during(sync)).errorCode)).toBe('NOT_COORDINATOR');
    expect(await here.during(here.beat(member!))).toBe('NONE');
    expect(await there.commit(member!, { 0: 1n })).toBe('NOT_COORDINATOR');
  });

  it('that was robbed and has not noticed puts nobody out: another may have let in who is unknown here', async () => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [first] = await here.stable([[0]], ['i']);
    await there.during(there.beat(first!));
    // The static member starts again there, and somebody joins.
    const again = await there.during(there.join({ apiVersion: 3, instanceId: 'i' }));
    const fresh = there.join({ apiVersion: 3 });
    await stage.clock.advance(1);
    const rejoined = await there.during(there.join({ memberId: again.memberId!, instanceId: 'i' }));
    const { memberId, generationId: generation } = await there.during(fresh);
    const leader = { memberId: rejoined.memberId!, instanceId: 'i', generation: generation! };
    const other = { memberId: memberId!, generation: generation! };
    await there.during(
      Promise.all([there.sync(leader, { [leader.memberId]: [0], [other.memberId]: [1] }), there.sync(other)]),
    );
    const usage = await stage.usageOf(async () => {
      expect(await here.during(here.beat(other))).toBe('NOT_COORDINATOR');
    });
    expect(usage).toMatchObject({ readRequests: 1, writeRequests: 0 });
    // It has let go of what it remembered, and asks the store from now on.
    expect(await here.during(here.beat(other))).toBe('NONE');
    expect(await here.during(here.beat(leader))).toBe('NONE');
  });

  it.each([
    ['a heartbeat', 'beat'],
    ['a commit', 'commit'],
    ['a sync', 'sync'],
    ['a join', 'join'],
  ] as const)('that was robbed and has not noticed does not refuse %s', async (_, what) => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [first] = await here.stable([[0]]);
    expect(await there.leave(first!)).toBe('NONE');
    const [second] = await there.stable([[0]]);
    const sent = {
      beat: () => here.beat(second!),
      commit: () => here.commit(second!, { 0: 1n }),
      sync: async () => errorName((await here.sync(second!)).errorCode),
      join: async () => errorName((await here.join({ memberId: second!.memberId })).errorCode),
    };
    expect(await here.during(sent[what]())).toBe('NOT_COORDINATOR');
  });

  it('that was robbed and has not noticed confirms no leave: nobody would hear of it until the session ends', async () => {
    const stage = await CoordinatorStage.open();
    const [here, there] = [stage.coordinator(), stage.coordinator()];
    const [first, second] = await here.stable([[0], [1]]);
    expect(await there.during(there.beat(first!))).toBe('NONE');
    const usage = await stage.usageOf(async () => {
      expect(await here.leave(second!)).toBe('NOT_COORDINATOR');
    });
    expect(usage).toMatchObject({ readRequests: 1, writeRequests: 0 });
    expect(await there.leave(second!)).toBe('NONE');
    expect(await there.beat(first!)).toBe('REBALANCE_IN_PROGRESS');
    expect(await there.leave(first!)).toBe('NONE');
    // Empty for one who remembers it so: members of the other are not unknown for that.
    const [third] = await here.during(here.stable([[0]]));
    expect(await there.leave(third!)).toBe('NOT_COORDINATOR');
    expect(await here.beat(third!)).toBe('NONE');
  });

  it('refuses nobody while it cannot look whether it has the group still', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [first] = await here.stable([[0]]);
    expect(await here.during(here.beat({ ...first!, memberId: 'x' }))).toBe('UNKNOWN_MEMBER_ID');
    const { groups } = stage.store;
    const { get } = groups;
    Object.assign(groups, {
      get: () => Promise.reject(new MillraceError('STORE_UNAVAILABLE', 'away')),
    });
    expect(await here.during(here.beat({ ...first!, memberId: 'x' }))).toBe('COORDINATOR_NOT_AVAILABLE');
    Object.assign(groups, { get });
    expect(await here.during(here.beat({ ...first!, memberId: 'x' }))).toBe('UNKNOWN_MEMBER_ID');
  });

  it('lets go of groups when they belong to another', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [first] = await here.stable([[0]]);
    const waiting = here.join({ apiVersion: 3 });
    await stage.clock.advance(10);
    here.gateways.isOwner = false;
    here.coordinator.gatewaysChanged({ lapsed: false });
    expect(errorName((await waiting).errorCode)).toBe('NOT_COORDINATOR');
    expect(await here.beat(first!)).toBe('NOT_COORDINATOR');
    here.gateways.isLive = false;
    expect(await here.beat(first!)).toBe('COORDINATOR_NOT_AVAILABLE');
  });

  it('says that a group is being loaded when that takes long', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const { groups } = here.coordinator.deps.store;
    const { get } = groups;
    Object.assign(groups, { get: () => stage.clock.sleep(60_000).then(() => get('g')) });
    expect(await here.during(here.beat({ memberId: 'm' }))).toBe('COORDINATOR_LOAD_IN_PROGRESS');
    Object.assign(groups, { get });
  });

  it('says that it is not available while the store is away, and goes on afterwards', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0]]);
    const { offsets } = here.coordinator.deps.store;
    const { commit } = offsets;
    Object.assign(offsets, { commit: () => Promise.reject(new MillraceError('STORE_UNAVAILABLE', 'away')) });
    expect(await here.commit(member!, { 0: 3n })).toBe('COORDINATOR_NOT_AVAILABLE');
    Object.assign(offsets, { commit });
    expect(await here.commit(member!, { 0: 4n })).toBe('NONE');
    expect(await here.fetch([0])).toEqual([4n]);
  });

  it('reads offsets behind the commits that came before', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0]]);
    const { offsets } = here.coordinator.deps.store;
    const { commit } = offsets;
    const slowly = async (...args: Parameters<typeof commit>) => {
      await stage.clock.sleep(500);
      return commit(...args);
    };
    Object.assign(offsets, { commit: slowly });
    const committed = here.commit(member!, { 0: 8n });
    expect(await here.fetch([0])).toEqual([8n]);
    expect(await committed).toBe('NONE');
  });

  it('commits some partitions at once, and none any more for a member that was put out meanwhile', async () => {
    const stage = await CoordinatorStage.open(200);
    const here = stage.coordinator();
    const every = Array.from({ length: 200 }, (_, partition) => partition);
    const [member] = await here.stable([every]);
    const { offsets } = here.coordinator.deps.store;
    const { commit } = offsets;
    let [underWay, most, count] = [0, 0, 0];
    const slowly = async (...args: Parameters<typeof commit>) => {
      most = Math.max(most, ++underWay);
      count += 1;
      await stage.clock.sleep(100);
      underWay -= 1;
      return commit(...args);
    };
    Object.assign(offsets, { commit: slowly });
    expect(await here.commit(member!, all(every, 5n))).toBe('NONE');
    expect([most, count]).toEqual([64, 200]);
    const committed = here.commit(member!, all(every, 6n));
    await stage.clock.advance(50);
    await here.leave(member!);
    expect(await committed).toBe('NONE,UNKNOWN_MEMBER_ID');
    expect(count).toBe(264);
    Object.assign(offsets, { commit });
    const read = (await here.fetch(every)) as bigint[];
    expect(read.filter((offset) => offset === 6n)).toHaveLength(64);
  });
});

describe('bad input', () => {
  it.each([
    ['a session that is too short', { sessionMs: 5_999 }, 'INVALID_SESSION_TIMEOUT'],
    ['a session that is too long', { sessionMs: 1_800_001 }, 'INVALID_SESSION_TIMEOUT'],
    ['more protocols than any client has', { protocols: Array.from({ length: 101 }, String) }, 'INVALID_REQUEST'],
    ['more than a member may say', { protocols: ['p'.repeat(128 * 1024)] }, 'INVALID_REQUEST'],
    ['a group without a name', { group: '' }, 'INVALID_GROUP_ID'],
    ['a name that cannot be', { group: 'a\u0001' }, 'INVALID_GROUP_ID'],
    ['a member id of nobody', { memberId: 'x' }, 'UNKNOWN_MEMBER_ID'],
    ['no member id in a version that asks for one', { apiVersion: 4 }, 'MEMBER_ID_REQUIRED'],
  ])('of JoinGroup: %s', async (_, said, error) => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    expect(errorName((await here.during(here.join(said))).errorCode)).toBe(error);
  });

  it.each([
    ['a partition that is not there', { 4: 1n }, {}, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a topic that is not there', { 0: 1n }, { topic: 'none' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a topic that cannot be', { 0: 1n }, { topic: '/' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['metadata that is too large', { 0: 1n }, { metadata: 'ü'.repeat(2_049) }, 'OFFSET_METADATA_TOO_LARGE'],
    ['an offset below 0', { 0: -5n }, {}, 'INVALID_REQUEST'],
  ])('of OffsetCommit: %s', async (_, offsets, what, error) => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    expect(await here.commit({}, offsets as Record<number, bigint>, what)).toBe(error);
    expect(await here.fetch([0])).toEqual([-1n]);
  });

  it('of OffsetCommit: members and generations that are not', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    expect(await here.commit({ memberId: 'x', generation: 1 }, { 0: 1n })).toBe('GROUP_ID_NOT_FOUND');
    expect(await here.commit({ memberId: 'x', generation: 1, apiVersion: 8 }, { 0: 1n })).toBe('ILLEGAL_GENERATION');
    const [member] = await here.stable([[0]]);
    expect(await here.commit({ ...member!, generation: 7 }, { 0: 1n })).toBe('ILLEGAL_GENERATION');
    expect(await here.commit({ memberId: 'x', generation: 1 }, { 0: 1n })).toBe('UNKNOWN_MEMBER_ID');
    expect(await here.commit({}, { 0: 1n })).toBe('UNKNOWN_MEMBER_ID');
    expect(await here.leave(member!)).toBe('NONE');
    expect(await here.commit(member!, { 0: 1n })).toBe('UNKNOWN_MEMBER_ID');
    expect(await here.commit({}, { 0: 1n })).toBe('NONE');
  });

  it('of OffsetFetch: an error for each partition in version 1, for the group from then on', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    here.gateways.isOwner = false;
    const topics = [{ name: TOPIC, partitionIndexes: [0] }];
    const request = { groupId: 'g', topics, groups: [], requireStable: false };
    const ask = (apiVersion: number) => handleOffsetFetch(here.coordinator, request, { apiVersion });
    expect((await ask(1)).topics).toMatchObject([{ partitions: [{ partitionIndex: 0, errorCode: 16 }] }]);
    expect(await ask(2)).toMatchObject({ errorCode: 16, topics: [] });
  });
});

describe('groups of several kinds', () => {
  it('see each others offsets, and become another kind when they are empty', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const consumer = stage.millrace.consumer({ group: 'g', clientId: 'sdk' });
    await stage.during(consumer.subscribe([TOPIC]));
    await stage.clock.advance(1_000);
    await stage.during(consumer.commit([{ topic: TOPIC, partition: 1, offset: 0n, metadata: 'ours' }]));
    // While members of the other kind are there, nobody may join, nor commit from without; who only looks may.
    expect(errorName((await here.during(here.join())).errorCode)).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(errorName((await here.consumerBeat({})).errorCode)).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(await here.commit({}, { 1: 1n })).toBe('UNKNOWN_MEMBER_ID');
    expect(await here.fetch([0, 1])).toEqual([-1n, 0n]);
    await stage.during(consumer.close());

    const [member] = await here.stable([[0, 1, 2, 3]]);
    expect(await here.commit(member!, { 2: 0n })).toBe('NONE');
    const again = stage.millrace.consumer({ group: 'g', clientId: 'sdk' });
    await expect(stage.during(again.subscribe([TOPIC]))).rejects.toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' });
    expect(errorName((await here.consumerBeat({})).errorCode)).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(await here.leave(member!)).toBe('NONE');

    expect(await here.consumerBeat({})).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    expect(errorName((await here.during(here.join())).errorCode)).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(await here.consumerBeat({ memberEpoch: -1 })).toMatchObject({ errorCode: 0, memberEpoch: -1 });

    await stage.during(again.subscribe([TOPIC]));
    await stage.clock.advance(1_000);
    const described = await stage.during(stage.millrace.groups.describeGroup('g'));
    expect(described).toMatchObject({
      kind: 'sdk',
      partitions: [{}, { committed: 0n, metadata: 'ours' }, { committed: 0n }, {}],
    });
    await stage.during(again.close());
  });

  it('a seek fences what a Kafka client has under way, and the gateway notices', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    expect(await here.commit({}, { 0: 0n, 1: 0n })).toBe('NONE');
    const request = { to: 'start', topics: [{ topic: TOPIC }] } as const;
    await stage.during(stage.millrace.groups.seekGroup('g', request));
    expect(await here.commit({}, { 0: 0n })).toBe('NOT_COORDINATOR');
    expect(await here.commit({}, { 0: 0n })).toBe('NONE');
  });
});
