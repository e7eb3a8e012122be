/** Steps of key compaction taken away one by one. */
import type { Mutant } from '../../simulate/mutant.ts';

const CLEAN_BATCH = 'lib/maintenance/clean/clean-batch.ts';
const CLEAN_PARTITION = 'lib/maintenance/clean/clean-partition.ts';
const CLEAN_BATCH_TEST = 'test/maintenance/clean/clean-batch.test.ts';
const CLEAN_JOB_TEST = 'test/maintenance/clean/clean-job.test.ts';
const CLEAN_FAULTS = 'test/maintenance/clean/clean-faults.test.ts';

export const cleanMutants: readonly Mutant[] = [
  {
    name: 'key compaction: a tombstone goes from what is not clean yet',
    file: CLEAN_BATCH,
    from: '(!isPast || offset >= cleanedEnd || batch.value(index) !== null)',
    to: '(!isPast || batch.value(index) !== null)',
    test: CLEAN_BATCH_TEST,
  },
  {
    name: 'key compaction: a tombstone has no time',
    file: CLEAN_PARTITION,
    from: ' + policy.deleteRetentionMs',
    to: '',
    test: CLEAN_JOB_TEST,
  },
  {
    name: 'key compaction: a tombstone goes before its time',
    file: CLEAN_BATCH,
    from: 'const isPast = header.hasDeleteHorizon &&',
    to: 'const isPast = true ||',
    test: CLEAN_BATCH_TEST,
  },
  {
    name: 'key compaction: the time of a tombstone begins beside what it buries',
    file: CLEAN_PARTITION,
    from: 'isLast ||= cleaned.beginsToWait;',
    to: 'isLast ||= false;',
    test: CLEAN_JOB_TEST,
  },
  {
    name: 'key compaction: the time of a tombstone begins beyond the map',
    file: CLEAN_BATCH,
    from: '!header.hasDeleteHorizon && isMapped;',
    to: '!header.hasDeleteHorizon;',
    test: CLEAN_BATCH_TEST,
  },
  {
    name: 'key compaction: the last record of a key goes',
    file: CLEAN_BATCH,
    from: 'offset >= last;',
    to: 'offset > last;',
    test: CLEAN_BATCH_TEST,
  },
  {
    name: 'key compaction: a refused replacement counts',
    file: CLEAN_PARTITION,
    from: 'return replaced === rewritten.length;',
    to: 'return true;',
    test: CLEAN_FAULTS,
  },
  {
    name: 'key compaction: a map that is full counts as whole',
    file: CLEAN_PARTITION,
    from: 'if (firstLeft !== null) return { cleanedEnd, end: firstLeft };',
    to: 'if (firstLeft !== null) return { cleanedEnd, end };',
    test: CLEAN_JOB_TEST,
  },
  {
    name: 'key compaction: a map that was cut by time counts as whole',
    file: CLEAN_PARTITION,
    from: 'ends[(ends.length - 1) >> 1]!',
    to: 'end',
    test: CLEAN_FAULTS,
  },
  {
    name: 'key compaction: the map begins behind the first record',
    file: CLEAN_PARTITION,
    from: 'const options = { map, fromOffset: cleanedEnd,',
    to: 'const options = { map, fromOffset: cleanedEnd + 1n,',
    test: CLEAN_FAULTS,
  },
  {
    name: 'key compaction: a chunk of which nothing stays is left without a batch',
    file: CLEAN_PARTITION,
    from: 'baseOffset + BigInt(lastOffsetDelta) + 1n === chunk.end',
    to: 'chunk.end < 0n',
    test: CLEAN_JOB_TEST,
  },
  {
    name: 'key compaction: a round is gone on with at its end',
    file: CLEAN_PARTITION,
    from: 'written = { ...progress, doneBelow, leftBytes };',
    to: 'written = { ...progress, doneBelow: progress.end, leftBytes };',
    test: CLEAN_FAULTS,
  },
  {
    name: 'key compaction: a slice leaves what it gathered unwritten',
    file: CLEAN_PARTITION,
    from: "        if (!(await this.#write(changed.take()))) return 'moved';\n        written",
    to: '        written',
    test: CLEAN_FAULTS,
  },
];
