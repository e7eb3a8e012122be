/** The messages about the offsets of consumer groups; see `schema.ts` for the notation. */
import { array, defineApi } from '../schema.ts';

/** OffsetCommit. */
export const offsetCommitApi = defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexibleFrom: 8,
  request: {
    groupId: 'string 2+',
    generationIdOrMemberEpoch: 'int32 2+ =-1',
    memberId: 'string 2+',
    groupInstanceId: 'string? 7+ =null',
    retentionTimeMs: 'int64 2-4 =-1',
    topics: array('2+', {
      name: 'string 2-9',
      topicId: 'uuid 10+',
      partitions: array('2+', {
        partitionIndex: 'int32 2+',
        committedOffset: 'int64 2+',
        committedLeaderEpoch: 'int32 6+ =-1',
        committedMetadata: 'string? 2+',
      }),
    }),
  },
  response: {
    throttleTimeMs: 'int32 3+',
    topics: array('2+', {
      name: 'string 2-9',
      topicId: 'uuid 10+',
      partitions: array('2+', {
        partitionIndex: 'int32 2+',
        errorCode: 'int16 2+',
      }),
    }),
  },
});

/** OffsetFetch. */
export const offsetFetchApi = defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexibleFrom: 6,
  request: {
    groupId: 'string 1-7',
    topics: array('?2-7 1-7', {
      name: 'string 1-7',
      partitionIndexes: '[]int32 1-7',
    }),
    groups: array('8+', {
      groupId: 'string 8+',
      memberId: 'string? 9+ =null',
      memberEpoch: 'int32 9+ =-1',
      topics: array('? 8+', {
        name: 'string 8-9',
        topicId: 'uuid 10+',
        partitionIndexes: '[]int32 8+',
      }),
    }),
    requireStable: 'bool 7+',
  },
  response: {
    throttleTimeMs: 'int32 3+',
    topics: array('1-7', {
      name: 'string 1-7',
      partitions: array('1-7', {
        partitionIndex: 'int32 1-7',
        committedOffset: 'int64 1-7',
        committedLeaderEpoch: 'int32 5-7 =-1',
        metadata: 'string? 1-7',
        errorCode: 'int16 1-7',
      }),
    }),
    errorCode: 'int16 2-7',
    groups: array('8+', {
      groupId: 'string 8+',
      topics: array('8+', {
        name: 'string 8-9',
        topicId: 'uuid 10+',
        partitions: array('8+', {
          partitionIndex: 'int32 8+',
          committedOffset: 'int64 8+',
          committedLeaderEpoch: 'int32 8+ =-1',
          metadata: 'string? 8+',
          errorCode: 'int16 8+',
        }),
      }),
      errorCode: 'int16 8+',
    }),
  },
});

/** OffsetDelete. */
export const offsetDeleteApi = defineApi({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexibleFrom: null,
  request: {
    groupId: 'string 0+',
    topics: array('0+', {
      name: 'string 0+',
      partitions: array('0+', {
        partitionIndex: 'int32 0+',
      }),
    }),
  },
  response: {
    errorCode: 'int16 0+',
    throttleTimeMs: 'int32 0+',
    topics: array('0+', {
      name: 'string 0+',
      partitions: array('0+', {
        partitionIndex: 'int32 0+',
        errorCode: 'int16 0+',
      }),
    }),
  },
});
