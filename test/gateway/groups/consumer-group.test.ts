import { describe, expect, it } from 'vitest';
import { handleConsumerGroupDescribe } from '../../../lib/gateway/groups/consumer-handlers.ts';
import { CoordinatorStage, errorName, type StagedCoordinator, TOPIC } from './coordinator-stage.ts';

type Beat = Parameters<StagedCoordinator['consumerBeat']>[0];

/** A member that does what it is told. */
class Member {
  readonly #here: StagedCoordinator;
  readonly #said: Beat;
  epoch = 0;
  owned: readonly number[] = [];
  topicId = '';

  constructor(here: StagedCoordinator, said: Beat) {
    this.#here = here;
    this.#said = said;
  }

  /** Beats, and lets go of and takes up what it is told to. */
  async beat(changes: Beat = {}): Promise<string> {
    const isJoining = this.epoch === 0;
    const held = this.owned.length === 0 ? [] : [{ topicId: this.topicId, partitions: this.owned }];
    const topicPartitions = isJoining ? [] : held;
    const answer = await this.#here.consumerBeat({
      ...this.#said,
      memberEpoch: this.epoch,
      topicPartitions,
      ...(!isJoining && { subscribedTopicNames: null, subscribedTopicRegex: null, serverAssignor: null }),
      ...changes,
    });
    if (answer.errorCode !== 0) return errorName(answer.errorCode);
    this.epoch = answer.memberEpoch!;
    const told = answer.assignment?.topicPartitions;
    if (told) {
      this.topicId = told[0]?.topicId ?? this.topicId;
      this.owned = told.flatMap(({ partitions }) => partitions ?? []);
    }
    return 'NONE';
  }
}

async function stage(partitionCount = 4) {
  const opened = await CoordinatorStage.open(partitionCount);
  const here = opened.coordinator();
  return {
    stage: opened,
    here,
    member: (memberId: string, said: Beat = {}) => new Member(here, { memberId, ...said }),
  };
}

const describeGroup = async (here: StagedCoordinator, groupId = 'g') => {
  const request = { groupIds: [groupId], includeAuthorizedOperations: false };
  return (await here.during(handleConsumerGroupDescribe(here.coordinator, request))).groups![0]!;
};

const millraceTopic = ({ millrace }: CoordinatorStage, name: string) =>
  millrace.topics.createTopic({ name, partitionCount: 1 });

describe('a group of the newer protocol', () => {
  it('gives one member all, and moves partitions one by one: a new owner waits until the old one has let go', async () => {
    const { here, member } = await stage();
    const [first, second] = [member('a'), member('b')];
    expect(await first.beat()).toBe('NONE');
    expect([first.epoch, first.owned]).toEqual([1, [0, 1, 2, 3]]);
    await second.beat();
    expect([second.epoch, second.owned]).toEqual([2, []]);
    expect(await describeGroup(here)).toMatchObject({ groupState: 'Reconciling', groupEpoch: 2 });
    // The first is told, but says that it still has all: nothing moves.
    const held = [{ topicId: first.topicId, partitions: [0, 1, 2, 3] }];
    await first.beat();
    expect([first.epoch, first.owned]).toEqual([1, [0, 1]]);
    // It does not say what it has: nothing moves either.
    expect(await here.consumerBeat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ memberEpoch: 1 });
    expect(await here.consumerBeat({ memberId: 'a', memberEpoch: 1, topicPartitions: held })).toMatchObject({
      memberEpoch: 1,
    });
    await second.beat();
    expect(second.owned).toEqual([]);
    await first.beat();
    expect([first.epoch, first.owned]).toEqual([2, [0, 1]]);
    await second.beat();
    expect([second.epoch, second.owned]).toEqual([2, [2, 3]]);
    expect(await describeGroup(here)).toMatchObject({
      groupState: 'Stable',
      assignorName: 'uniform',
      members: [
        { memberId: 'a', memberEpoch: 2, assignment: { topicPartitions: [{ topicName: TOPIC, partitions: [0, 1] }] } },
        { memberId: 'b', memberEpoch: 2, clientHost: '/127.0.0.1', subscribedTopicNames: [TOPIC] },
      ],
    });
  });

  it('hears members that say nothing new without asking the store, but for a look at the topics each half minute', async () => {
    const { stage: opened, here, member } = await stage();
    const only = member('a');
    await only.beat();
    const beat = () => here.consumerBeat({ memberId: 'a', memberEpoch: only.epoch });
    const usage = await opened.usageOf(async () => {
      for (let count = 0; count < 10; count++) expect(await beat()).toMatchObject({ errorCode: 0, assignment: null });
    });
    expect([usage.writeRequests, usage.readRequests]).toEqual([0, 0]);
    await opened.clock.advance(31_000);
    const later = await opened.usageOf(async () => {
      for (let count = 0; count < 10; count++) await beat();
    });
    expect([later.writeRequests, later.readRequests]).toEqual([0, 1]);
  });

  it('takes in new partitions of its topics', async () => {
    const { stage: opened, member } = await stage(2);
    const only = member('a');
    await only.beat();
    await opened.during(opened.millrace.topics.addPartitions(TOPIC, 3));
    await opened.clock.advance(31_000);
    await only.beat();
    expect(only.owned).toEqual([0, 1, 2]);
  });

  it('gives what a silent member had to the others, when its session is over', async () => {
    const { stage: opened, member } = await stage();
    const [first, second] = [member('a'), member('b')];
    await first.beat();
    await second.beat();
    for (let beat = 0; beat < 5; beat++) {
      await opened.clock.advance(10_000);
      await second.beat();
    }
    expect(second.owned).toEqual([0, 1, 2, 3]);
    expect(await first.beat()).toBe('UNKNOWN_MEMBER_ID');
  });

  it('takes out who does not let go within its rebalance time-out', async () => {
    const { stage: opened, here, member } = await stage();
    const [first, second] = [member('a'), member('b')];
    await first.beat();
    await second.beat();
    const held = [{ topicId: first.topicId, partitions: [0, 1, 2, 3] }];
    const clings = () => here.consumerBeat({ memberId: 'a', memberEpoch: 1, topicPartitions: held });
    for (let beat = 0; beat < 3; beat++) {
      expect(await clings()).toMatchObject({ errorCode: 0 });
      await second.beat();
      await opened.clock.advance(9_000);
    }
    expect(errorName((await clings()).errorCode)).toBe('UNKNOWN_MEMBER_ID');
    await second.beat();
    expect(second.owned).toEqual([0, 1, 2, 3]);
  });

  it('believes a member whose answer was lost, by its previous epoch and what it has', async () => {
    const { here, member } = await stage();
    const [first, second] = [member('a'), member('b')];
    await first.beat();
    await second.beat();
    await first.beat();
    const held = [{ topicId: first.topicId, partitions: [0, 1] }];
    const repeat = () => here.consumerBeat({ memberId: 'a', memberEpoch: 1, topicPartitions: held });
    expect(await repeat()).toMatchObject({ errorCode: 0, memberEpoch: 2 });
    expect(await repeat()).toMatchObject({ errorCode: 0, memberEpoch: 2 });
    const more = [{ topicId: first.topicId, partitions: [0, 1, 2] }];
    const refused = await here.consumerBeat({ memberId: 'a', memberEpoch: 1, topicPartitions: more });
    expect(errorName(refused.errorCode)).toBe('FENCED_MEMBER_EPOCH');
  });

  it('gives a member the topics that its pattern matches, as they come and go, beside those that it names', async () => {
    const { stage: opened, here, member } = await stage(1);
    const { millrace, clock } = opened;
    const create = (name: string) => opened.during(millraceTopic(opened, name));
    await create('sales-1');
    await create('my-sales-3');
    const one = member('a', { subscribedTopicNames: [TOPIC], subscribedTopicRegex: 'sales-.*' });
    expect(await one.beat()).toBe('NONE');
    const names = async () => {
      const [described] = (await describeGroup(here)).members!;
      expect(described).toMatchObject({ subscribedTopicNames: [TOPIC], subscribedTopicRegex: 'sales-.*' });
      return described!.targetAssignment!.topicPartitions!.map(({ topicName }) => topicName).sort();
    };
    expect(await names()).toEqual([TOPIC, 'sales-1']);
    await create('sales-2');
    await clock.advance(30_000);
    expect(await one.beat()).toBe('NONE');
    expect(await names()).toEqual([TOPIC, 'sales-1', 'sales-2']);
    await opened.during(millrace.topics.deleteTopic('sales-1'));
    await clock.advance(30_000);
    expect(await one.beat()).toBe('NONE');
    expect(await names()).toEqual([TOPIC, 'sales-2']);
  });

  it('lists topics for a new pattern and each half minute, once for all members', async () => {
    const { stage: opened, member } = await stage();
    const pattern = { subscribedTopicNames: null, subscribedTopicRegex: 'ord.*' };
    const [one, two] = [member('a', pattern), member('b', pattern)];
    const listings = async (action: () => Promise<unknown>) => {
      const { list } = opened.store.topics;
      let count = 0;
      Object.assign(opened.store.topics, {
        list: (...args: Parameters<typeof list>) => {
          count += args[0] === null ? 1 : 0;
          return list.apply(opened.store.topics, args);
        },
      });
      await action();
      Object.assign(opened.store.topics, { list });
      return count;
    };
    expect(await listings(() => one.beat())).toBe(1);
    expect(await listings(() => two.beat())).toBe(0);
    for (let beat = 0; beat < 4; beat++) for (const each of [one, two]) await each.beat();
    expect([...one.owned, ...two.owned].sort()).toEqual([0, 1, 2, 3]);
    await opened.clock.advance(30_000);
    expect(await listings(() => one.beat())).toBe(1);
    expect(await listings(() => two.beat())).toBe(0);
  });

  it('takes another pattern, and none, from a member', async () => {
    const { stage: opened, here, member } = await stage(1);
    await opened.during(millraceTopic(opened, 'sales'));
    const one = member('a', { subscribedTopicNames: [], subscribedTopicRegex: 'ord.*' });
    await one.beat();
    const wanted = async () => {
      const { members } = (await opened.store.groups.get('g'))!;
      return [members[0]!.topics, members[0]!.pattern];
    };
    expect(await wanted()).toEqual([[TOPIC], 'ord.*']);
    await one.beat({ subscribedTopicRegex: 'sal.*' });
    expect(await wanted()).toEqual([['sales'], 'sal.*']);
    await one.beat({ subscribedTopicRegex: '', subscribedTopicNames: [TOPIC] });
    expect(await wanted()).toEqual([[TOPIC], null]);
    expect((await describeGroup(here)).members![0]).toMatchObject({ subscribedTopicRegex: null });
  });

  it('goes on at another gateway with its patterns and what they matched', async () => {
    const { stage: opened, member } = await stage(2);
    const said = { subscribedTopicNames: null, subscribedTopicRegex: 'ord.*' };
    const one = member('a', said);
    await one.beat();
    await one.beat();
    const there = opened.coordinator();
    const answer = await there.consumerBeat({
      memberId: 'a',
      memberEpoch: one.epoch,
      topicPartitions: [{ topicId: one.topicId, partitions: one.owned }],
    });
    expect(answer).toMatchObject({ errorCode: 0, memberEpoch: one.epoch });
    const [described] = (await describeGroup(there)).members!;
    expect(described).toMatchObject({ subscribedTopicRegex: 'ord.*' });
    expect(described!.targetAssignment!.topicPartitions![0]!.partitions).toEqual([0, 1]);
  });

  it('goes on at another gateway with the epochs of its members', async () => {
    const { stage: opened, here, member } = await stage();
    const only = member('a');
    await only.beat();
    expect(await here.commit({ memberId: 'a', generation: 1 }, { 0: 3n })).toBe('NONE');
    const there = opened.coordinator();
    expect(await there.consumerBeat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    expect(await here.commit({ memberId: 'a', generation: 1 }, { 0: 2n })).toBe('NOT_COORDINATOR');
    expect(await there.commit({ memberId: 'a', generation: 1 }, { 0: 4n })).toBe('NONE');
    expect(await there.fetch([0])).toEqual([4n]);
  });

  it('lets members commit in their epoch alone', async () => {
    const { here, member } = await stage();
    const [first, second] = [member('a'), member('b')];
    await first.beat();
    await second.beat();
    const commit = (memberId: string, generation: number) => here.commit({ memberId, generation }, { 0: 1n });
    expect(await commit('a', 1)).toBe('NONE');
    expect(await commit('a', 2)).toBe('STALE_MEMBER_EPOCH');
    expect(await commit('b', 1)).toBe('STALE_MEMBER_EPOCH');
    expect(await commit('x', 1)).toBe('UNKNOWN_MEMBER_ID');
    expect(await here.commit({}, { 0: 1n })).toBe('UNKNOWN_MEMBER_ID');
  });

  it('a static member that starts again gets what it had, and nobody else notices', async () => {
    const { here, member } = await stage();
    const [first, second] = [member('a', { instanceId: 'i' }), member('b')];
    await first.beat();
    await second.beat();
    await first.beat();
    await first.beat();
    await second.beat();
    const { epoch } = second;
    const again = member('c', { instanceId: 'i' });
    expect(await again.beat()).toBe('UNRELEASED_INSTANCE_ID');
    expect(await here.consumerBeat({ memberId: 'a', memberEpoch: -2, instanceId: 'i' })).toMatchObject({
      memberEpoch: -2,
    });
    expect(await again.beat()).toBe('NONE');
    expect([again.epoch, again.owned]).toEqual([epoch, [0, 1]]);
    expect(await first.beat()).toBe('FENCED_INSTANCE_ID');
    await second.beat();
    expect([second.epoch, second.owned]).toEqual([epoch, [2, 3]]);
  });

  it('assigns by the assignor that most want', async () => {
    const { stage: opened, here, member } = await stage(3);
    await opened.during(opened.millrace.topics.createTopic({ name: 'payments', partitionCount: 3 }));
    const said = { serverAssignor: 'range', subscribedTopicNames: [TOPIC, 'payments'] };
    const [first, second] = [member('a', said), member('b', said)];
    await first.beat();
    await second.beat();
    const described = await describeGroup(here);
    expect(described.assignorName).toBe('range');
    const targets = described.members!.map(({ targetAssignment }) =>
      targetAssignment!.topicPartitions!.map(({ topicName, partitions }) => `${topicName} ${partitions}`).sort(),
    );
    expect(targets).toEqual([
      ['orders 0,1', 'payments 0,1'],
      ['orders 2', 'payments 2'],
    ]);
  });

  it('keeps its epoch while it is empty, and has the assignor that nobody asked for, as in a broker', async () => {
    const { here, member } = await stage();
    const only = member('a', { serverAssignor: 'range' });
    await only.beat();
    await here.consumerBeat({ memberId: 'a', memberEpoch: -1 });
    const { epoch } = only;
    const described = await describeGroup(here);
    expect(described).toMatchObject({ groupState: 'Empty', assignorName: 'uniform', members: [] });
    expect(described.groupEpoch).toBeGreaterThanOrEqual(epoch);
    expect(described.assignmentEpoch).toBe(described.groupEpoch);
  });

  it.each([
    ['a member that is not there', { memberEpoch: 3 }, 'UNKNOWN_MEMBER_ID'],
    ['no member id', { memberId: '' }, 'INVALID_REQUEST'],
    ['an epoch that cannot be', { memberEpoch: -3 }, 'INVALID_REQUEST'],
    ['a static member without its name', { memberEpoch: -2 }, 'INVALID_REQUEST'],
    ['partitions while it joins', { topicPartitions: [{ topicId: 'x', partitions: [0] }] }, 'INVALID_REQUEST'],
    ['no topics while it joins', { subscribedTopicNames: null }, 'INVALID_REQUEST'],
    ['no rebalance time-out while it joins', { rebalanceTimeoutMs: -1 }, 'INVALID_REQUEST'],
    ['an assignor that is not there', { serverAssignor: 'mine' }, 'UNSUPPORTED_ASSIGNOR'],
    ['a pattern that is none', { subscribedTopicRegex: '(' }, 'INVALID_REGULAR_EXPRESSION'],
  ])('refuses %s', async (_, changes, error) => {
    const { here } = await stage();
    const answer = await here.consumerBeat(changes);
    expect(errorName(answer.errorCode)).toBe(error);
    expect(await describeGroup(here)).toMatchObject({ errorCode: 69, groupState: 'Dead' });
  });

  it('gives a member of the first version its id', async () => {
    const { here } = await stage();
    const answer = await here.consumerBeat({ memberId: '' }, 0);
    expect(answer).toMatchObject({ errorCode: 0, memberEpoch: 1 });
    expect(answer.memberId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is full when it is', async () => {
    const opened = await CoordinatorStage.open();
    const here = opened.coordinator({ maxSize: 1 });
    await here.consumerBeat({});
    expect(errorName((await here.consumerBeat({ memberId: 'n' })).errorCode)).toBe('GROUP_MAX_SIZE_REACHED');
  });
});
