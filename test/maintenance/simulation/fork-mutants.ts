/** Steps of forking a topic taken away one by one, and their order changed. */
import type { Mutant } from '../../simulate/mutant.ts';

const FORK = 'lib/maintenance/fork-partition.ts';
const COPIES = 'lib/maintenance/copied-objects.ts';
const CONDEMN = 'lib/maintenance/condemn.ts';
const FORK_TEST = 'test/maintenance/fork-faults.test.ts';

export const forkMutants: readonly Mutant[] = [
  {
    name: 'fork: collection does not read what forks name',
    file: 'lib/maintenance/collection-job.ts',
    from: "topic: async () => 'heads',",
    to: "topic: async ({ forkOf }) => (forkOf === undefined ? 'heads' : 'skip'),",
  },
  {
    name: 'fork: a head is made before what it stands on is there',
    file: FORK,
    from: '    for (let round = 1; ; round++) {\n      const head = await this.#readSource();',
    to: '    await this.#makeHead();\n    for (let round = 1; ; round++) {\n      const head = await this.#readSource();',
  },
  {
    name: 'fork: the batch in which it ends is taken whole',
    file: FORK,
    from: 'return cutBatch(batch, end) ?? [];',
    to: 'return [batch];',
  },
  {
    name: 'fork: an object is copied although it holds more',
    file: COPIES,
    from: 'return index.regions.every(({ partition, lastOffset }) => lastOffset < (this.#ends.get(partition) ?? 0n));',
    to: 'return index.regions.length > 0;',
  },
  {
    name: 'fork: an object is copied that ends where the fork does, and one more',
    file: COPIES,
    from: 'lastOffset < (this.#ends.get(partition) ?? 0n));',
    to: 'lastOffset <= (this.#ends.get(partition) ?? 0n));',
  },
  {
    name: 'fork: what the tail of its source has is left out',
    file: FORK,
    from: '        await this.#takeTail(head);\n',
    to: '',
  },
  {
    name: 'fork: its head does not know its largest timestamp',
    file: FORK,
    from: 'maxTimestampMs: this.#largest.timestampMs,',
    to: 'maxTimestampMs: -1n,',
  },
  {
    name: 'fork: it has no sums although it is whole',
    file: FORK,
    from: '...(this.#appended ?? { appended: 0n',
    to: '...(null ?? { appended: 0n',
  },
  {
    name: 'fork: it can be used before it is whole',
    file: 'lib/maintenance/fork-topic.ts',
    from: '  const copies = new CopiedObjects(',
    to: '  await openTopic(deps, target);\n  const copies = new CopiedObjects(',
  },
  {
    name: 'fork: a time is taken for the first record behind it',
    file: 'lib/maintenance/fork-plan.ts',
    from: 'const end = isByTime ? await endByTime(deps, topic, partition, at.timestampMs) : offsets.get(partition);',
    to: 'const end = isByTime ? await endByTime(deps, topic, partition, at.timestampMs + 1_500n) : offsets.get(partition);',
  },
  {
    name: 'fork: a head is made although collection may have passed its objects',
    file: FORK,
    from: 'if (this.#minId !== null && this.#minId < floor) throw',
    to: 'if (this.#minId !== null && this.#minId < ZERO_ID) throw',
    test: FORK_TEST,
  },
  {
    name: 'fork: what the source has dropped is not looked up again',
    file: FORK,
    from: 'this.#skipBelow(head.start);',
    to: 'this.#skipBelow(0n * head.start);',
    test: FORK_TEST,
  },
  {
    name: 'fork: an object that is missing is passed over',
    file: COPIES,
    from: "if (answer === 'missing') throw missing(source);",
    to: "if (answer === 'missing') return name;",
    test: FORK_TEST,
  },
  {
    name: 'fork: a copy is held for its source’s by collection',
    file: CONDEMN,
    from: 'const index = claimIndex(written, domain);',
    to: 'const index = written;',
    test: FORK_TEST,
  },
  {
    name: 'fork: a half made one is completed by whoever creates a topic',
    file: 'lib/log/create-topic.ts',
    from: 'if (topic.forkOf !== undefined) return false;',
    to: '',
    test: FORK_TEST,
  },
  {
    name: 'fork: chunks are put for a topic that was deleted',
    file: FORK,
    from: "if (answer?.topicId === topicId && answer.state === 'creating') return;",
    to: 'if (answer !== undefined) return;',
    test: FORK_TEST,
  },
];
