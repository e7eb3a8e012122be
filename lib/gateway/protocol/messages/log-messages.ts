/** The messages about records and their offsets; see `schema.ts` for the notation. */
import { array, defineApi, struct } from '../schema.ts';

/** Produce. */
export const produceApi = defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexibleFrom: 9,
  request: {
    transactionalId: 'string? 3+ =null',
    acks: 'int16 3+',
    timeoutMs: 'int32 3+',
    topicData: array('3+', {
      name: 'string 3-12',
      topicId: 'uuid 13+',
      partitionData: array('3+', {
        index: 'int32 3+',
        records: 'records? 3+',
      }),
    }),
  },
  response: {
    responses: array('3+', {
      name: 'string 3-12',
      topicId: 'uuid 13+',
      partitionResponses: array('3+', {
        index: 'int32 3+',
        errorCode: 'int16 3+',
        baseOffset: 'int64 3+',
        logAppendTimeMs: 'int64 3+ =-1',
        logStartOffset: 'int64 5+ =-1',
        recordErrors: array('8+', {
          batchIndex: 'int32 8+',
          batchIndexErrorMessage: 'string? 8+ =null',
        }),
        errorMessage: 'string? 8+ =null',
        currentLeader: struct('10+ #0', {
          leaderId: 'int32 10+ =-1',
          leaderEpoch: 'int32 10+ =-1',
        }),
      }),
    }),
    throttleTimeMs: 'int32 3+',
    nodeEndpoints: array('10+ #0', {
      nodeId: 'int32 10+',
      host: 'string 10+',
      port: 'int32 10+',
      rack: 'string? 10+ =null',
    }),
  },
});

/** Fetch. */
export const fetchApi = defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexibleFrom: 12,
  request: {
    clusterId: 'string? 12+ #0 =null',
    replicaId: 'int32 4-14 =-1',
    replicaState: struct('15+ #1', {
      replicaId: 'int32 15+ =-1',
      replicaEpoch: 'int64 15+ =-1',
    }),
    maxWaitMs: 'int32 4+',
    minBytes: 'int32 4+',
    maxBytes: 'int32 4+ =2147483647',
    isolationLevel: 'int8 4+',
    sessionId: 'int32 7+',
    sessionEpoch: 'int32 7+ =-1',
    topics: array('4+', {
      topic: 'string 4-12',
      topicId: 'uuid 13+',
      partitions: array('4+', {
        partition: 'int32 4+',
        currentLeaderEpoch: 'int32 9+ =-1',
        fetchOffset: 'int64 4+',
        lastFetchedEpoch: 'int32 12+ =-1',
        logStartOffset: 'int64 5+ =-1',
        partitionMaxBytes: 'int32 4+',
        replicaDirectoryId: 'uuid 17+ #0',
        highWatermark: 'int64 18+ #1 =9223372036854775807',
      }),
    }),
    forgottenTopicsData: array('7+', {
      topic: 'string 7-12',
      topicId: 'uuid 13+',
      partitions: '[]int32 7+',
    }),
    rackId: 'string 11+',
  },
  response: {
    throttleTimeMs: 'int32 4+',
    errorCode: 'int16 7+',
    sessionId: 'int32 7+',
    responses: array('4+', {
      topic: 'string 4-12',
      topicId: 'uuid 13+',
      partitions: array('4+', {
        partitionIndex: 'int32 4+',
        errorCode: 'int16 4+',
        highWatermark: 'int64 4+',
        lastStableOffset: 'int64 4+ =-1',
        logStartOffset: 'int64 5+ =-1',
        divergingEpoch: struct('12+ #0', {
          epoch: 'int32 12+ =-1',
          endOffset: 'int64 12+ =-1',
        }),
        currentLeader: struct('12+ #1', {
          leaderId: 'int32 12+ =-1',
          leaderEpoch: 'int32 12+ =-1',
        }),
        snapshotId: struct('12+ #2', {
          endOffset: 'int64 4+ =-1',
          epoch: 'int32 4+ =-1',
        }),
        abortedTransactions: array('? 4+', {
          producerId: 'int64 4+',
          firstOffset: 'int64 4+',
        }),
        preferredReadReplica: 'int32 11+ =-1',
        records: 'records? 4+',
      }),
    }),
    nodeEndpoints: array('16+ #0', {
      nodeId: 'int32 16+',
      host: 'string 16+',
      port: 'int32 16+',
      rack: 'string? 16+ =null',
    }),
  },
});

/** ListOffsets. */
export const listOffsetsApi = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexibleFrom: 6,
  request: {
    replicaId: 'int32 1+',
    isolationLevel: 'int8 2+',
    topics: array('1+', {
      name: 'string 1+',
      partitions: array('1+', {
        partitionIndex: 'int32 1+',
        currentLeaderEpoch: 'int32 4+ =-1',
        timestamp: 'int64 1+',
      }),
    }),
    timeoutMs: 'int32 10+',
  },
  response: {
    throttleTimeMs: 'int32 2+',
    topics: array('1+', {
      name: 'string 1+',
      partitions: array('1+', {
        partitionIndex: 'int32 1+',
        errorCode: 'int16 1+',
        timestamp: 'int64 1+ =-1',
        offset: 'int64 1+ =-1',
        leaderEpoch: 'int32 4+ =-1',
      }),
    }),
  },
});

/** DeleteRecords. */
export const deleteRecordsApi = defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    topics: array('0+', {
      name: 'string 0+',
      partitions: array('0+', {
        partitionIndex: 'int32 0+',
        offset: 'int64 0+',
      }),
    }),
    timeoutMs: 'int32 0+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    topics: array('0+', {
      name: 'string 0+',
      partitions: array('0+', {
        partitionIndex: 'int32 0+',
        lowWatermark: 'int64 0+',
        errorCode: 'int16 0+',
      }),
    }),
  },
});

/** OffsetForLeaderEpoch. */
export const offsetForLeaderEpochApi = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexibleFrom: 4,
  request: {
    replicaId: 'int32 3+ =-2',
    topics: array('2+', {
      topic: 'string 2+',
      partitions: array('2+', {
        partition: 'int32 2+',
        currentLeaderEpoch: 'int32 2+ =-1',
        leaderEpoch: 'int32 2+',
      }),
    }),
  },
  response: {
    throttleTimeMs: 'int32 2+',
    topics: array('2+', {
      topic: 'string 2+',
      partitions: array('2+', {
        errorCode: 'int16 2+',
        partition: 'int32 2+',
        leaderEpoch: 'int32 2+ =-1',
        endOffset: 'int64 2+ =-1',
      }),
    }),
  },
});

/** InitProducerId. */
export const initProducerIdApi = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexibleFrom: 2,
  request: {
    transactionalId: 'string? 0+',
    transactionTimeoutMs: 'int32 0+',
    producerId: 'int64 3+ =-1',
    producerEpoch: 'int16 3+ =-1',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    errorCode: 'int16 0+',
    producerId: 'int64 0+ =-1',
    producerEpoch: 'int16 0+',
  },
});
