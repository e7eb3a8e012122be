/** The messages about brokers and where things are; see `schema.ts` for the notation. */
import { array, defineApi, struct } from '../schema.ts';

/** ApiVersions. */
export const apiVersionsApi = defineApi({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    clientSoftwareName: 'string 3+',
    clientSoftwareVersion: 'string 3+',
  },
  response: {
    errorCode: 'int16 0+',
    apiKeys: array('0+', {
      apiKey: 'int16 0+',
      minVersion: 'int16 0+',
      maxVersion: 'int16 0+',
    }),
    throttleTimeMs: 'int32 1+',
    supportedFeatures: array('3+ #0', {
      name: 'string 3+',
      minVersion: 'int16 3+',
      maxVersion: 'int16 3+',
    }),
    finalizedFeaturesEpoch: 'int64 3+ #1 =-1',
    finalizedFeatures: array('3+ #2', {
      name: 'string 3+',
      maxVersionLevel: 'int16 3+',
      minVersionLevel: 'int16 3+',
    }),
    zkMigrationReady: 'bool 3+ #3',
  },
});

/** Metadata. */
export const metadataApi = defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexibleFrom: 9,
  request: {
    topics: array('?1+ 0+', {
      topicId: 'uuid 10+',
      name: 'string?10+ 0+',
    }),
    allowAutoTopicCreation: 'bool 4+ =true',
    includeClusterAuthorizedOperations: 'bool 8-10',
    includeTopicAuthorizedOperations: 'bool 8+',
  },
  response: {
    throttleTimeMs: 'int32 3+',
    brokers: array('0+', {
      nodeId: 'int32 0+',
      host: 'string 0+',
      port: 'int32 0+',
      rack: 'string? 1+ =null',
    }),
    clusterId: 'string? 2+ =null',
    controllerId: 'int32 1+ =-1',
    topics: array('0+', {
      errorCode: 'int16 0+',
      name: 'string?12+ 0+',
      topicId: 'uuid 10+',
      isInternal: 'bool 1+',
      partitions: array('0+', {
        errorCode: 'int16 0+',
        partitionIndex: 'int32 0+',
        leaderId: 'int32 0+',
        leaderEpoch: 'int32 7+ =-1',
        replicaNodes: '[]int32 0+',
        isrNodes: '[]int32 0+',
        offlineReplicas: '[]int32 5+',
      }),
      topicAuthorizedOperations: 'int32 8+ =-2147483648',
    }),
    clusterAuthorizedOperations: 'int32 8-10 =-2147483648',
    errorCode: 'int16 13+',
  },
});

/** DescribeCluster. */
export const describeClusterApi = defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    includeClusterAuthorizedOperations: 'bool 0+',
    endpointType: 'int8 1+ =1',
    includeFencedBrokers: 'bool 2+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    errorCode: 'int16 0+',
    errorMessage: 'string? 0+ =null',
    endpointType: 'int8 1+ =1',
    clusterId: 'string 0+',
    controllerId: 'int32 0+ =-1',
    brokers: array('0+', {
      brokerId: 'int32 0+',
      host: 'string 0+',
      port: 'int32 0+',
      rack: 'string? 0+ =null',
      isFenced: 'bool 2+',
    }),
    clusterAuthorizedOperations: 'int32 0+ =-2147483648',
  },
});

/** DescribeTopicPartitions. */
export const describeTopicPartitionsApi = defineApi({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    topics: array('0+', {
      name: 'string 0+',
    }),
    responsePartitionLimit: 'int32 0+ =2000',
    cursor: struct('? 0+ =null', {
      topicName: 'string 0+',
      partitionIndex: 'int32 0+',
    }),
  },
  response: {
    throttleTimeMs: 'int32 0+',
    topics: array('0+', {
      errorCode: 'int16 0+',
      name: 'string? 0+',
      topicId: 'uuid 0+',
      isInternal: 'bool 0+',
      partitions: array('0+', {
        errorCode: 'int16 0+',
        partitionIndex: 'int32 0+',
        leaderId: 'int32 0+',
        leaderEpoch: 'int32 0+ =-1',
        replicaNodes: '[]int32 0+',
        isrNodes: '[]int32 0+',
        eligibleLeaderReplicas: '[]int32? 0+ =null',
        lastKnownElr: '[]int32? 0+ =null',
        offlineReplicas: '[]int32 0+',
      }),
      topicAuthorizedOperations: 'int32 0+ =-2147483648',
    }),
    nextCursor: struct('? 0+ =null', {
      topicName: 'string 0+',
      partitionIndex: 'int32 0+',
    }),
  },
});

/** DescribeLogDirs. */
export const describeLogDirsApi = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexibleFrom: 2,
  request: {
    topics: array('? 1+', {
      topic: 'string 1+',
      partitions: '[]int32 1+',
    }),
  },
  response: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 3+',
    results: array('1+', {
      errorCode: 'int16 1+',
      logDir: 'string 1+',
      topics: array('1+', {
        name: 'string 1+',
        partitions: array('1+', {
          partitionIndex: 'int32 1+',
          partitionSize: 'int64 1+',
          offsetLag: 'int64 1+',
          isFutureKey: 'bool 1+',
        }),
      }),
      totalBytes: 'int64 4+ =-1',
      usableBytes: 'int64 4+ =-1',
      isCordoned: 'bool 5+',
    }),
  },
});

/** FindCoordinator. */
export const findCoordinatorApi = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexibleFrom: 3,
  request: {
    key: 'string 0-3',
    keyType: 'int8 1+',
    coordinatorKeys: '[]string 4+',
  },
  response: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16 0-3',
    errorMessage: 'string? 1-3',
    nodeId: 'int32 0-3',
    host: 'string 0-3',
    port: 'int32 0-3',
    coordinators: array('4+', {
      key: 'string 4+',
      nodeId: 'int32 4+',
      host: 'string 4+',
      port: 'int32 4+',
      errorCode: 'int16 4+',
      errorMessage: 'string? 4+',
    }),
  },
});
