/** Rules taken away that only everything together can notice: of topics that come and go, of producers with all that waits in them, of answers that are damaged. */
import type { Mutant } from '../../simulate/mutant.ts';

export const wholeMutants: readonly Mutant[] = [
  {
    name: 'the id of a deleted topic may be used again',
    file: 'lib/log/topic-transitions.ts',
    from: "return existing || isSpent ? { outcome: 'refused', item: existing }",
    to: "return existing ? { outcome: 'refused', item: existing }",
    test: 'test/log/topic-transitions.test.ts',
  },
  {
    name: 'heads are made whatever became of their topic',
    file: 'lib/log/topic-transitions.ts',
    from: "  if (!topicUnchanged) return { outcome: 'topic-changed' };\n",
    to: '',
    test: 'test/log/topic-transitions.test.ts',
  },
  {
    name: 'heads are made over others',
    file: 'lib/log/topic-transitions.ts',
    from: "  if (state.heads.length > 0) return { outcome: 'head-exists' };\n",
    to: '',
    test: 'test/log/topic-transitions.test.ts',
  },
  {
    name: 'a topic is changed over another version',
    file: 'lib/log/topic-transitions.ts',
    test: 'test/log/topic-transitions.test.ts',
    from: 'next.topicId && current.version === next.version;',
    to: 'next.topicId;',
  },
  {
    name: 'what waits for its topic is not given up with what was sent before it',
    file: 'lib/client/producer.ts',
    from: '    if (failure) this.#rejectBehind(send, queue!, failure);\n    else if (this',
    to: '    if (this',
    test: 'test/client/producer-given-up.test.ts',
  },
  {
    name: 'what was sent behind one that waits for its topic is not given up with it',
    file: 'lib/client/unread-topics.ts',
    from: 'if (failure !== undefined) failure.sentBefore = Number.POSITIVE_INFINITY;',
    to: '',
    test: 'test/client/producer-given-up.test.ts',
  },
  {
    name: 'what was sent behind one that waits for memory is not given up with it',
    file: 'lib/client/producer.ts',
    from: '    queue.failed(failure);\n    queue.givingUp += 1;\n',
    to: '    queue.givingUp += 1;\n',
    test: 'test/client/producer-given-up.test.ts',
  },
  {
    name: 'what waits for memory is not given up',
    file: 'lib/client/producer.ts',
    from: 'if (queue?.failureCount === failuresBefore) this',
    to: 'if (failuresBefore !== -1) this',
  },
  {
    name: 'an open batch is not given up with what is under way',
    file: 'lib/client/producer.ts',
    from: '    queue.open = null;\n    this.#fail(queue, open, sentBehind(queue, error));\n    this.#letGo(open);\n',
    to: '',
  },
  {
    name: 'a consumer goes on in a topic that was made again where it was in the old one',
    file: 'lib/client/consumer-partitions.ts',
    from: 'if (route?.topicId !== partition.topicId || ',
    to: 'if (route === null || ',
  },
  {
    name: 'a consumer ends for a topic that is deleted while it is assigned',
    file: 'lib/client/consumer.ts',
    from: 'if (!error.retriable && !this.#mends(error)) this',
    to: 'if (!error.retriable) this',
    test: 'test/client/consumer-group.test.ts',
  },
  {
    name: 'batches are given out whatever their checksum',
    file: 'lib/record/decode-batch.ts',
    from: 'if (crc !== header.crc) throw',
    to: 'if (crc < 0) throw',
  },
  {
    name: 'partitions are used before their heads are made',
    file: 'lib/log/add-partitions.ts',
    from: '{ ...current, partitionCount: totalCount }',
    to: '{ ...current, partitionCount: totalCount, readyPartitionCount: totalCount }',
  },
];
