/** The messages of consumer groups, but for their offsets; see `schema.ts` for the notation. */
import { array, defineApi, struct } from '../schema.ts';

/** JoinGroup. */
export const joinGroupApi = defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexibleFrom: 6,
  request: {
    groupId: 'string 0+',
    sessionTimeoutMs: 'int32 0+',
    rebalanceTimeoutMs: 'int32 1+ =-1',
    memberId: 'string 0+',
    groupInstanceId: 'string? 5+ =null',
    protocolType: 'string 0+',
    protocols: array('0+', {
      name: 'string 0+',
      metadata: 'bytes 0+',
    }),
    reason: 'string? 8+ =null',
  },
  response: {
    throttleTimeMs: 'int32 2+',
    errorCode: 'int16 0+',
    generationId: 'int32 0+ =-1',
    protocolType: 'string? 7+ =null',
    protocolName: 'string?7+ 0+',
    leader: 'string 0+',
    skipAssignment: 'bool 9+',
    memberId: 'string 0+',
    members: array('0+', {
      memberId: 'string 0+',
      groupInstanceId: 'string? 5+ =null',
      metadata: 'bytes 0+',
    }),
  },
});

/** SyncGroup. */
export const syncGroupApi = defineApi({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: {
    groupId: 'string 0+',
    generationId: 'int32 0+',
    memberId: 'string 0+',
    groupInstanceId: 'string? 3+ =null',
    protocolType: 'string? 5+ =null',
    protocolName: 'string? 5+ =null',
    assignments: array('0+', {
      memberId: 'string 0+',
      assignment: 'bytes 0+',
    }),
  },
  response: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 0+',
    protocolType: 'string? 5+ =null',
    protocolName: 'string? 5+ =null',
    assignment: 'bytes 0+',
  },
});

/** Heartbeat. */
export const heartbeatApi = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: 'string 0+',
    generationId: 'int32 0+',
    memberId: 'string 0+',
    groupInstanceId: 'string? 3+ =null',
  },
  response: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 0+',
  },
});

/** LeaveGroup. */
export const leaveGroupApi = defineApi({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: {
    groupId: 'string 0+',
    memberId: 'string 0-2',
    members: array('3+', {
      memberId: 'string 3+',
      groupInstanceId: 'string? 3+ =null',
      reason: 'string? 5+ =null',
    }),
  },
  response: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 0+',
    members: array('3+', {
      memberId: 'string 3+',
      groupInstanceId: 'string? 3+',
      errorCode: 'int16 3+',
    }),
  },
});

/** ListGroups. */
export const listGroupsApi = defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    statesFilter: '[]string 4+',
    typesFilter: '[]string 5+',
  },
  response: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 0+',
    groups: array('0+', {
      groupId: 'string 0+',
      protocolType: 'string 0+',
      groupState: 'string 4+',
      groupType: 'string 5+',
    }),
  },
});

/** DescribeGroups. */
export const describeGroupsApi = defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexibleFrom: 5,
  request: {
    groups: '[]string 0+',
    includeAuthorizedOperations: 'bool 3+',
  },
  response: {
    throttleTimeMs: 'int32 1+',
    groups: array('0+', {
      errorCode: 'int16 0+',
      errorMessage: 'string? 6+ =null',
      groupId: 'string 0+',
      groupState: 'string 0+',
      protocolType: 'string 0+',
      protocolData: 'string 0+',
      members: array('0+', {
        memberId: 'string 0+',
        groupInstanceId: 'string? 4+ =null',
        clientId: 'string 0+',
        clientHost: 'string 0+',
        memberMetadata: 'bytes 0+',
        memberAssignment: 'bytes 0+',
      }),
      authorizedOperations: 'int32 3+ =-2147483648',
    }),
  },
});

/** DeleteGroups. */
export const deleteGroupsApi = defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    groupsNames: '[]string 0+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    results: array('0+', {
      groupId: 'string 0+',
      errorCode: 'int16 0+',
    }),
  },
});

const topicPartitions = {
  topicId: 'uuid 0+',
  partitions: '[]int32 0+',
} as const;

/** ConsumerGroupHeartbeat. */
export const consumerGroupHeartbeatApi = defineApi({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupId: 'string 0+',
    memberId: 'string 0+',
    memberEpoch: 'int32 0+',
    instanceId: 'string? 0+ =null',
    rackId: 'string? 0+ =null',
    rebalanceTimeoutMs: 'int32 0+ =-1',
    subscribedTopicNames: '[]string? 0+ =null',
    subscribedTopicRegex: 'string? 1+ =null',
    serverAssignor: 'string? 0+ =null',
    topicPartitions: array('? 0+ =null', {
      topicId: 'uuid 0+',
      partitions: '[]int32 0+',
    }),
  },
  response: {
    throttleTimeMs: 'int32 0+',
    errorCode: 'int16 0+',
    errorMessage: 'string? 0+ =null',
    memberId: 'string? 0+ =null',
    memberEpoch: 'int32 0+',
    heartbeatIntervalMs: 'int32 0+',
    assignment: struct('? 0+ =null', {
      topicPartitions: array('0+', topicPartitions),
    }),
  },
});

const namedTopicPartitions = {
  topicId: 'uuid 0+',
  topicName: 'string 0+',
  partitions: '[]int32 0+',
} as const;

const assignment = {
  topicPartitions: array('0+', namedTopicPartitions),
} as const;

/** ConsumerGroupDescribe. */
export const consumerGroupDescribeApi = defineApi({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupIds: '[]string 0+',
    includeAuthorizedOperations: 'bool 0+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    groups: array('0+', {
      errorCode: 'int16 0+',
      errorMessage: 'string? 0+ =null',
      groupId: 'string 0+',
      groupState: 'string 0+',
      groupEpoch: 'int32 0+',
      assignmentEpoch: 'int32 0+',
      assignorName: 'string 0+',
      members: array('0+', {
        memberId: 'string 0+',
        instanceId: 'string? 0+ =null',
        rackId: 'string? 0+ =null',
        memberEpoch: 'int32 0+',
        clientId: 'string 0+',
        clientHost: 'string 0+',
        subscribedTopicNames: '[]string 0+',
        subscribedTopicRegex: 'string? 0+ =null',
        assignment: struct('0+', assignment),
        targetAssignment: struct('0+', assignment),
        memberType: 'int8 1+ =-1',
      }),
      authorizedOperations: 'int32 0+ =-2147483648',
    }),
  },
});
