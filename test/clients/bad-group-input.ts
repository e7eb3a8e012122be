/** What groups are asked by nobody, at a bad moment, or wrongly; see `bad-input.ts`. */
import { randomUUID } from 'node:crypto';
import {
  consumerGroupHeartbeatApi,
  deleteGroupsApi,
  describeGroupsApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  syncGroupApi,
} from '../../lib/gateway/protocol/messages/group-messages.ts';
import {
  offsetCommitApi,
  offsetDeleteApi,
  offsetFetchApi,
} from '../../lib/gateway/protocol/messages/group-offset-messages.ts';
import type { WireClient } from '../gateway/wire-client.ts';
import { type BadInput, named, told } from './bad-input-case.ts';

const joining = {
  groupId: 'nobody',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('00000000000000000000', 'hex') }],
};

const joined = (name: string, changes: Partial<typeof joining>, version = 5) =>
  told(`JoinGroup: ${name}`, async (client) => {
    return (await client.ask(joinGroupApi, version, { ...joining, groupId: `g-${randomUUID()}`, ...changes }))
      .errorCode;
  });

/** A stable group of one member; who that is. */
async function member(client: WireClient) {
  const groupId = `g-${randomUUID()}`;
  const { memberId, generationId } = await client.ask(joinGroupApi, 3, { ...joining, groupId });
  const assignments = [{ memberId, assignment: Buffer.alloc(0) }];
  const { errorCode } = await client.ask(syncGroupApi, 3, { groupId, generationId, memberId, assignments });
  if (errorCode !== 0) throw new Error(`not in the group: ${named(errorCode)}`);
  return { groupId, memberId, generationId };
}

interface CommitChanges {
  readonly generation?: number;
  readonly memberId?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: bigint;
  readonly metadata?: string;
  readonly version?: number;
}

async function commit(client: WireClient, groupId: string, changes: CommitChanges) {
  const { generation = -1, memberId = '', topic = 'plain', partition = 0, offset = 1n, metadata = '' } = changes;
  const partitions = [{ partitionIndex: partition, committedOffset: offset, committedMetadata: metadata }];
  const topics = [{ name: topic, partitions }];
  const request = { groupId, generationIdOrMemberEpoch: generation, memberId, topics };
  const { topics: answered } = await client.ask(offsetCommitApi, changes.version ?? 8, request);
  return answered[0]!.partitions[0]!.errorCode;
}

const committed = (name: string, changes: CommitChanges & { readonly isMember?: boolean }) =>
  told(`OffsetCommit: ${name}`, async (client) => {
    if (!changes.isMember) return commit(client, `g-${randomUUID()}`, changes);
    const { groupId, memberId, generationId } = await member(client);
    return commit(client, groupId, { memberId, generation: generationId, ...changes });
  });

const beat = { memberEpoch: 0, rebalanceTimeoutMs: 10_000, subscribedTopicNames: ['plain'], topicPartitions: [] };

const heard = (name: string, changes: object) =>
  told(`ConsumerGroupHeartbeat: ${name}`, async (client) => {
    const request = { ...beat, groupId: `g-${randomUUID()}`, memberId: randomUUID(), ...changes };
    return (await client.ask(consumerGroupHeartbeatApi, 1, request)).errorCode;
  });

const groups: readonly BadInput[] = [
  joined('no name', { groupId: '' }),
  joined('a session that is too short', { sessionTimeoutMs: 1 }),
  joined('a session that is too long', { sessionTimeoutMs: 2_000_000_000 }),
  joined('an unknown member', { memberId: 'somebody' }),
  joined('no protocols', { protocols: [] }),
  joined('no type of protocols', { protocolType: '' }),
  joined('no member id in a version that asks for one', {}),
  told('JoinGroup: protocols that others do not have', async (client) => {
    const { groupId } = await member(client);
    const protocols = [{ name: 'another', metadata: Buffer.alloc(0) }];
    return (await client.ask(joinGroupApi, 3, { ...joining, groupId, protocols })).errorCode;
  }),
  told('SyncGroup: an unknown member', async (client) => {
    const { groupId, generationId } = await member(client);
    return (await client.ask(syncGroupApi, 3, { groupId, generationId, memberId: 'somebody' })).errorCode;
  }),
  told('SyncGroup: a stale generation', async (client) => {
    const { groupId, memberId, generationId } = await member(client);
    return (await client.ask(syncGroupApi, 3, { groupId, generationId: generationId - 1, memberId })).errorCode;
  }),
  told('SyncGroup: a group that there is not', async (client) => {
    return (await client.ask(syncGroupApi, 3, { groupId: 'nobody', generationId: 1, memberId: 'somebody' })).errorCode;
  }),
  told('Heartbeat: an unknown member', async (client) => {
    const { groupId, generationId } = await member(client);
    return (await client.ask(heartbeatApi, 3, { groupId, generationId, memberId: 'somebody' })).errorCode;
  }),
  told('Heartbeat: a stale generation', async (client) => {
    const { groupId, memberId, generationId } = await member(client);
    return (await client.ask(heartbeatApi, 3, { groupId, generationId: generationId + 1, memberId })).errorCode;
  }),
  told('Heartbeat: a group that there is not', async (client) => {
    return (await client.ask(heartbeatApi, 3, { groupId: 'nobody', generationId: 1, memberId: 'somebody' })).errorCode;
  }),
  told('LeaveGroup: an unknown member', async (client) => {
    const { groupId } = await member(client);
    const { members } = await client.ask(leaveGroupApi, 4, { groupId, members: [{ memberId: 'somebody' }] });
    return members[0]!.errorCode;
  }),
  told('LeaveGroup: a group that there is not, by an old version', async (client) => {
    return (await client.ask(leaveGroupApi, 1, { groupId: 'nobody', memberId: 'somebody' })).errorCode;
  }),
  told('DescribeGroups: a group that there is not', async (client) => {
    return (await client.ask(describeGroupsApi, 6, { groups: ['nobody'] })).groups[0]!.errorCode;
  }),
  told('DeleteGroups: a group that there is not', async (client) => {
    return (await client.ask(deleteGroupsApi, 2, { groupsNames: ['nobody'] })).results[0]!.errorCode;
  }),
  told('DeleteGroups: a group with members', async (client) => {
    const { groupId } = await member(client);
    return (await client.ask(deleteGroupsApi, 2, { groupsNames: [groupId] })).results[0]!.errorCode;
  }),
  committed('an unknown member', { isMember: true, memberId: 'somebody' }),
  committed('a stale generation', { isMember: true, generation: 0 }),
  committed('a generation to come', { isMember: true, generation: 99 }),
  committed('a group that there is not, in version 8', { memberId: 'somebody', generation: 1 }),
  committed('a group that there is not, in version 9', { memberId: 'somebody', generation: 1, version: 9 }),
  committed('from outside of a group with members', { isMember: true, memberId: '', generation: -1 }),
  committed('an unknown topic', { topic: 'nothing' }),
  committed('an unknown partition', { partition: 7 }),
  committed('metadata that is too large', { metadata: 'x'.repeat(5_000) }),
  told('OffsetFetch: a group that there is not', async (client) => {
    const topics = [{ name: 'plain', partitionIndexes: [0] }];
    return (await client.ask(offsetFetchApi, 8, { groups: [{ groupId: 'nobody', topics }] })).groups[0]!.errorCode;
  }),
  told('OffsetFetch: no name', async (client) => {
    return (await client.ask(offsetFetchApi, 8, { groups: [{ groupId: '', topics: null }] })).groups[0]!.errorCode;
  }),
  told('OffsetDelete: a group that there is not', async (client) => {
    const topics = [{ name: 'plain', partitions: [{ partitionIndex: 0 }] }];
    return (await client.ask(offsetDeleteApi, 0, { groupId: 'nobody', topics })).errorCode;
  }),
];

const newGroups: readonly BadInput[] = [
  heard('no name', { groupId: '' }),
  heard('no member id', { memberId: '' }),
  heard('an unknown member', { memberEpoch: 5 }),
  heard('no topics', { subscribedTopicNames: null }),
  heard('no rebalance time-out', { rebalanceTimeoutMs: -1 }),
  heard('an unknown assignor', { serverAssignor: 'by-lot' }),
  heard('a pattern that is none', { subscribedTopicNames: null, subscribedTopicRegex: '(' }),
  heard('a pattern that JavaScript alone knows', { subscribedTopicNames: null, subscribedTopicRegex: 'a(?=b)' }),
  heard('a pattern that repeats too often', { subscribedTopicNames: null, subscribedTopicRegex: 'a{1001}' }),
  heard('a pattern and no names', { subscribedTopicNames: null, subscribedTopicRegex: 'pla[[:alpha:]]+' }),
  told('ConsumerGroupHeartbeat: a stale epoch', async (client) => {
    const ids = { groupId: `g-${randomUUID()}`, memberId: randomUUID() };
    const { memberEpoch } = await client.ask(consumerGroupHeartbeatApi, 1, { ...beat, ...ids });
    const later = { ...beat, ...ids, memberEpoch: memberEpoch + 5, subscribedTopicNames: null, topicPartitions: null };
    return (await client.ask(consumerGroupHeartbeatApi, 1, later)).errorCode;
  }),
  told('ConsumerGroupHeartbeat: a group with members of the classic protocol', async (client) => {
    const { groupId } = await member(client);
    return (await client.ask(consumerGroupHeartbeatApi, 1, { ...beat, groupId, memberId: randomUUID() })).errorCode;
  }),
  told('JoinGroup: a group with members of the newer protocol', async (client) => {
    const ids = { groupId: `g-${randomUUID()}`, memberId: randomUUID() };
    await client.ask(consumerGroupHeartbeatApi, 1, { ...beat, ...ids });
    const protocols = [{ name: 'x', metadata: Buffer.alloc(0) }];
    const request = { ...joining, groupId: ids.groupId, protocolType: 'connect', protocols };
    return (await client.ask(joinGroupApi, 3, request)).errorCode;
  }),
];

/** See the top of this file. */
export const badGroupInput: readonly BadInput[] = [...groups, ...newGroups];
