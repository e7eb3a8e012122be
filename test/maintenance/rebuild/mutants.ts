/** Steps of a rebuilding taken away one by one. */
import type { Mutant } from '../../simulate/mutant.ts';

const PLAN = 'lib/maintenance/rebuild/rebuild-plan.ts';
const PARTITION = 'lib/maintenance/rebuild/rebuild-partition.ts';
const REBUILD = 'lib/maintenance/rebuild/rebuild.ts';
const OLD_TABLES = 'lib/maintenance/rebuild/old-tables.ts';
const READABLE_CHUNKS = 'lib/maintenance/rebuild/readable-chunks.ts';
const RESTORE_PLAN = 'lib/event-source/restore/restore-plan.ts';
const RESTORE_DELAYED = 'lib/event-source/restore/restore-delayed.ts';
const RESTORE_TEST = 'test/event-source/restore/restore-groups.test.ts';
const COLLECTION = 'lib/maintenance/collection-job.ts';
const PLAN_TEST = 'test/maintenance/rebuild/rebuild-plan.test.ts';
const REBUILD_TEST = 'test/maintenance/rebuild/rebuild.test.ts';
const FAULTS_TEST = 'test/maintenance/rebuild/rebuild-faults.test.ts';
const FROM_TABLES_TEST = 'test/maintenance/rebuild/rebuild-from-tables.test.ts';

export const rebuildMutants: readonly Mutant[] = [
  {
    name: 'rebuild: the oldest version of a chunk is taken',
    file: PLAN,
    from: 'return b.chunkVersion - a.chunkVersion;',
    to: 'return a.chunkVersion - b.chunkVersion;',
    test: PLAN_TEST,
  },
  {
    name: 'rebuild: of two rewritings the one is taken that knew less',
    file: PLAN,
    from: 'return a.recordCount - b.recordCount;',
    to: 'return b.recordCount - a.recordCount;',
    test: PLAN_TEST,
  },
  {
    name: 'rebuild: an older version comes back of a chunk that has lost all its records',
    file: PLAN,
    from: 'else oldOf.delete(base);',
    to: 'else void base;',
    test: PLAN_TEST,
  },
  {
    name: 'rebuild: a partition goes on where its last object ends',
    file: PLAN,
    from: 'return end + unplaced + GAP_PER_MS',
    to: 'return end + GAP_PER_MS',
    test: PLAN_TEST,
  },
  {
    name: 'rebuild: the floor stays where it is',
    file: REBUILD,
    from: 'deps.store.topics.raiseGlobalFloor(this.state.fence)',
    to: "deps.store.topics.raiseGlobalFloor('0'.repeat(26))",
    test: REBUILD_TEST,
  },
  {
    name: 'rebuild: tables that have heads are written over',
    file: REBUILD,
    from: 'if (!this.#isResumed) await this.#refuseItems(one.topic);',
    to: '',
    test: REBUILD_TEST,
  },
  {
    name: 'rebuild: gaps of a run that was killed count as offsets that were given',
    file: REBUILD,
    from: 'this.#isResumed ? this.state.fence : null',
    to: 'null',
    test: FAULTS_TEST,
  },
  {
    name: 'rebuild: what could not be placed is garbage',
    file: REBUILD,
    from: 'isHeld: this.#survey.objects.level0 > 0',
    to: 'isHeld: false',
    test: REBUILD_TEST,
  },
  {
    name: 'rebuild: a gap counts as a chunk from which nothing was removed',
    file: PARTITION,
    from: 'const GAP_VERSION = 2;',
    to: 'const GAP_VERSION = 1;',
    test: REBUILD_TEST,
  },
  {
    name: 'rebuild: entries of old tables count although their objects are gone',
    file: OLD_TABLES,
    from: "return entry.kind === 'inline' || this.#has(entry.id);",
    to: 'return true;',
    test: FROM_TABLES_TEST,
  },
  {
    name: 'rebuild: a damaged chunk of older tables hides what stands above it',
    file: READABLE_CHUNKS,
    from: 'ranges.push({ from: middle + 1n, to }, { from, to: middle });',
    to: 'ranges.push({ from, to: middle });',
    test: FROM_TABLES_TEST,
  },
  {
    name: 'rebuild: chunks that overlap others are taken all the same',
    file: PLAN,
    from: 'if (end !== null && piece.base < end) {',
    to: "if (end !== null && piece.base < end && piece.kind === 'entries') {",
    test: PLAN_TEST,
  },
  {
    name: 'collection: it condemns while a log is rebuilt',
    file: COLLECTION,
    from: 'if (this.#hold.isUnderWay) return this.#standBack();',
    to: '',
    test: FAULTS_TEST,
  },
  {
    name: 'restore: a group that is there and goes on is filled from the backup',
    file: RESTORE_PLAN,
    from: 'return isSame && there.members.length === 0;',
    to: 'return there !== undefined;',
    test: RESTORE_TEST,
  },
  {
    name: 'restore: generations go on just behind those of the backup',
    file: RESTORE_PLAN,
    from: 'return Math.max(generation + 1, Math.min(generation + AHEAD, MOST));',
    to: 'return generation + 1;',
    test: RESTORE_TEST,
  },
  {
    name: 'restore: what a worker remembers is left out',
    file: 'lib/event-source/restore/restore-groups.ts',
    from: 'await repeatRequest(deps, () => leases.update(group, partition, remembered.update));',
    to: 'void leases;',
    test: RESTORE_TEST,
  },
  {
    name: 'restore: nobody is told of delayed records',
    file: RESTORE_DELAYED,
    from: 'await repeatRequest(deps, () => dueMinutes.ring({ partition, minuteMs, stamp }));',
    to: 'void [dueMinutes, stamp];',
    test: RESTORE_TEST,
  },
  {
    name: 'restore: delayed records of a topic with another name are announced, and given up',
    file: RESTORE_DELAYED,
    from: 'if (record.topic !== topic.name || minuteMs === rungMs) continue;',
    to: 'if (minuteMs === rungMs) continue;',
    test: RESTORE_TEST,
  },
];
