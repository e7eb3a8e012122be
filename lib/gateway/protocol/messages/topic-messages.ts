/** The messages that administer topics and their configuration; see `schema.ts` for the notation. */
import { array, defineApi } from '../schema.ts';

/** CreateTopics. */
export const createTopicsApi = defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexibleFrom: 5,
  request: {
    topics: array('2+', {
      name: 'string 2+',
      numPartitions: 'int32 2+',
      replicationFactor: 'int16 2+',
      assignments: array('2+', {
        partitionIndex: 'int32 2+',
        brokerIds: '[]int32 2+',
      }),
      configs: array('2+', {
        name: 'string 2+',
        value: 'string? 2+',
      }),
    }),
    timeoutMs: 'int32 2+ =60000',
    validateOnly: 'bool 2+',
  },
  response: {
    throttleTimeMs: 'int32 2+',
    topics: array('2+', {
      name: 'string 2+',
      topicId: 'uuid 7+',
      errorCode: 'int16 2+',
      errorMessage: 'string? 2+',
      topicConfigErrorCode: 'int16 5+ #0',
      numPartitions: 'int32 5+ =-1',
      replicationFactor: 'int16 5+ =-1',
      configs: array('? 5+', {
        name: 'string 5+',
        value: 'string? 5+',
        readOnly: 'bool 5+',
        configSource: 'int8 5+ =-1',
        isSensitive: 'bool 5+',
      }),
    }),
  },
});

/** DeleteTopics. */
export const deleteTopicsApi = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexibleFrom: 4,
  request: {
    topics: array('6+', {
      name: 'string? 6+ =null',
      topicId: 'uuid 6+',
    }),
    topicNames: '[]string 1-5',
    timeoutMs: 'int32 1+',
  },
  response: {
    throttleTimeMs: 'int32 1+',
    responses: array('1+', {
      name: 'string?6+ 1+',
      topicId: 'uuid 6+',
      errorCode: 'int16 1+',
      errorMessage: 'string? 5+ =null',
    }),
  },
});

/** CreatePartitions. */
export const createPartitionsApi = defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexibleFrom: 2,
  request: {
    topics: array('0+', {
      name: 'string 0+',
      count: 'int32 0+',
      assignments: array('? 0+', {
        brokerIds: '[]int32 0+',
      }),
    }),
    timeoutMs: 'int32 0+',
    validateOnly: 'bool 0+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    results: array('0+', {
      name: 'string 0+',
      errorCode: 'int16 0+',
      errorMessage: 'string? 0+ =null',
    }),
  },
});

/** DescribeConfigs. */
export const describeConfigsApi = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexibleFrom: 4,
  request: {
    resources: array('1+', {
      resourceType: 'int8 1+',
      resourceName: 'string 1+',
      configurationKeys: '[]string? 1+',
    }),
    includeSynonyms: 'bool 1+',
    includeDocumentation: 'bool 3+',
  },
  response: {
    throttleTimeMs: 'int32 1+',
    results: array('1+', {
      errorCode: 'int16 1+',
      errorMessage: 'string? 1+',
      resourceType: 'int8 1+',
      resourceName: 'string 1+',
      configs: array('1+', {
        name: 'string 1+',
        value: 'string? 1+',
        readOnly: 'bool 1+',
        configSource: 'int8 1+ =-1',
        isSensitive: 'bool 1+',
        synonyms: array('1+', {
          name: 'string 1+',
          value: 'string? 1+',
          source: 'int8 1+',
        }),
        configType: 'int8 3+',
        documentation: 'string? 3+',
      }),
    }),
  },
});

/** AlterConfigs. */
export const alterConfigsApi = defineApi({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    resources: array('0+', {
      resourceType: 'int8 0+',
      resourceName: 'string 0+',
      configs: array('0+', {
        name: 'string 0+',
        value: 'string? 0+',
      }),
    }),
    validateOnly: 'bool 0+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    responses: array('0+', {
      errorCode: 'int16 0+',
      errorMessage: 'string? 0+',
      resourceType: 'int8 0+',
      resourceName: 'string 0+',
    }),
  },
});

/** IncrementalAlterConfigs. */
export const incrementalAlterConfigsApi = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexibleFrom: 1,
  request: {
    resources: array('0+', {
      resourceType: 'int8 0+',
      resourceName: 'string 0+',
      configs: array('0+', {
        name: 'string 0+',
        configOperation: 'int8 0+',
        value: 'string? 0+',
      }),
    }),
    validateOnly: 'bool 0+',
  },
  response: {
    throttleTimeMs: 'int32 0+',
    responses: array('0+', {
      errorCode: 'int16 0+',
      errorMessage: 'string? 0+',
      resourceType: 'int8 0+',
      resourceName: 'string 0+',
    }),
  },
});
