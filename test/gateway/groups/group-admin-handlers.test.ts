import { describe, expect, it } from 'vitest';
import {
  assignedPartitionsOf,
  CONSUMER_PROTOCOL,
  subscribedTopics,
} from '../../../lib/gateway/groups/consumer-protocol.ts';
import {
  handleDeleteGroups,
  handleDescribeGroups,
  handleListGroups,
} from '../../../lib/gateway/groups/group-admin-handlers.ts';
import { handleOffsetDelete } from '../../../lib/gateway/groups/offset-delete.ts';
import { handleOffsetFetch } from '../../../lib/gateway/groups/offset-fetch.ts';
import { CoordinatorStage, errorName, TOPIC } from './coordinator-stage.ts';

describe('administration', () => {
  const describe_ = async (here: ReturnType<CoordinatorStage['coordinator']>, group: string, apiVersion = 5) => {
    const request = { groups: [group], includeAuthorizedOperations: true };
    const { groups } = await here.during(handleDescribeGroups(here.coordinator, request, { apiVersion }));
    return groups![0]!;
  };

  it('lists groups of every kind that belong to this gateway, by state and by type', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    await here.stable([[0]]);
    await here.commit({ group: 'simple' }, { 0: 1n });
    await here.consumerBeat({ groupId: 'new' });
    const consumer = stage.millrace.consumer({ group: 'sdk' });
    await stage.during(consumer.subscribe([TOPIC]));
    const list = async (statesFilter: string[] = [], typesFilter: string[] = []) => {
      const { groups } = await here.during(handleListGroups(here.coordinator, { statesFilter, typesFilter }));
      return groups!.map(({ groupId, groupState, groupType, protocolType }) =>
        [groupId, groupState, groupType, protocolType].join(' '),
      );
    };
    expect(await list()).toEqual([
      `g Stable Classic ${CONSUMER_PROTOCOL}`,
      'new Stable Consumer consumer',
      'sdk Stable Classic consumer',
      'simple Empty Classic ',
    ]);
    expect(await list(['empty'])).toEqual(['simple Empty Classic ']);
    expect(await list([], ['consumer'])).toEqual(['new Stable Consumer consumer']);
    here.gateways.isOwner = false;
    expect(await list()).toEqual([]);
    await stage.during(consumer.close());
  });

  it('describes Kafka groups from memory, others as they are stored, in words that tools know', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0, 1]]);
    const classic = await describe_(here, 'g');
    expect(classic).toMatchObject({
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      authorizedOperations: 3_400,
      members: [{ memberId: member!.memberId, clientId: 'client', clientHost: '/127.0.0.1' }],
    });
    expect(subscribedTopics(classic.members![0]!.memberMetadata!)).toEqual([TOPIC]);
    expect(assignedPartitionsOf(classic.members![0]!.memberAssignment!)).toEqual([
      { topic: TOPIC, partitions: [0, 1] },
    ]);
    // By another gateway, which loads it.
    expect(await describe_(stage.coordinator(), 'g')).toMatchObject({ groupState: 'Stable', members: [{}] });
    const consumer = stage.millrace.consumer({ group: 'sdk', clientId: 'ours' });
    await stage.during(consumer.subscribe([TOPIC]));
    const sdk = await describe_(here, 'sdk');
    expect(sdk).toMatchObject({ groupState: 'Stable', protocolType: 'consumer', members: [{ clientId: 'ours' }] });
    expect(assignedPartitionsOf(sdk.members![0]!.memberAssignment!)).toEqual([
      { topic: TOPIC, partitions: [0, 1, 2, 3] },
    ]);
    await stage.during(consumer.close());
    expect(await describe_(here, 'none')).toMatchObject({ errorCode: 0, groupState: 'Dead' });
    expect(await describe_(here, 'none', 6)).toMatchObject({ errorCode: 69, groupState: 'Dead' });
  });

  it('deletes groups without members, those of the SDK too', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const [member] = await here.stable([[0]]);
    await here.commit(member!, { 0: 4n });
    const remove = async (...groupsNames: string[]) => {
      const { results } = await here.during(handleDeleteGroups(here.coordinator, { groupsNames }));
      return results!.map(({ errorCode }) => errorName(errorCode));
    };
    expect(await remove('g', 'none', '')).toEqual(['NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND', 'INVALID_GROUP_ID']);
    await here.leave(member!);
    expect(await remove('g')).toEqual(['NONE']);
    expect(await here.fetch([0])).toEqual([-1n]);
    // Whoever comes under the name is above what the one before has left.
    const [next] = await here.stable([[0]]);
    expect(await here.commit(next!, { 0: 1n })).toBe('NONE');
    expect(await here.fetch([0])).toEqual([1n]);
  });

  it('forgets offsets of topics that nobody reads', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const forget = async (groupId: string, name: string, ...partitions: number[]) => {
      const request = {
        groupId,
        topics: [{ name, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
      };
      const answer = await here.during(handleOffsetDelete(here.coordinator, request));
      if (answer.errorCode !== 0) return errorName(answer.errorCode);
      return answer.topics![0]!.partitions!.map(({ errorCode }) => errorName(errorCode));
    };
    expect(await forget('none', TOPIC, 0)).toBe('GROUP_ID_NOT_FOUND');
    const [member] = await here.stable([[0]]);
    await here.commit(member!, { 0: 4n, 1: 4n });
    expect(await forget('g', TOPIC, 0)).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC']);
    await here.leave(member!);
    expect(await forget('g', TOPIC, 0, 3, 9)).toEqual(['NONE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION']);
    expect(await here.fetch([0, 1, 3])).toEqual([-1n, 4n, -1n]);
    const request = { groupId: '', topics: null, requireStable: false };
    const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics: null }];
    const every = await here.during(handleOffsetFetch(here.coordinator, { ...request, groups }, { apiVersion: 9 }));
    expect(every.groups![0]!.topics).toMatchObject([
      { name: TOPIC, partitions: [{ partitionIndex: 1, committedOffset: 4n }] },
    ]);
  });
});
