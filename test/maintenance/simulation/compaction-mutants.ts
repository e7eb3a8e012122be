/** Steps of compaction taken away one by one, and their order changed. */
import type { Mutant } from '../../simulate/mutant.ts';

const COMPACT = 'lib/maintenance/compaction-job.ts';
const REWRITE = 'lib/maintenance/rewrite-chunks.ts';
const DAMAGE_TEST = 'test/maintenance/compaction-damage.test.ts';
const TOGETHER_TEST = 'test/maintenance/compaction-together.test.ts';

export const compactionMutants: readonly Mutant[] = [
  {
    name: 'compaction: the floor is not raised over what the index forgets',
    file: REWRITE,
    from: 'const gone = await raiseFloors(deps, request.rewritten);',
    to: 'const gone = new Set<string>();',
  },
  {
    name: 'compaction: the floor rises to the id of the first chunk alone',
    file: REWRITE,
    from: '(chunk.maxId > most ? chunk.maxId : most), ZERO_ID)',
    to: '(most === ZERO_ID ? chunk.maxId : most), ZERO_ID)',
  },
  {
    name: 'compaction: chunks come to name an object that is not put',
    file: 'lib/maintenance/put-under-fresh-name.ts',
    from: 'await repeatRequest(deps, () => deps.store.objects.put(key, bytes));',
    to: "{ answer: key.includes('/1/') ? 'created' : await deps.store.objects.put(key, bytes), unanswered: false };",
  },
  {
    name: 'compaction: chunks come to name an object that somebody else has put',
    file: 'lib/maintenance/put-under-fresh-name.ts',
    from: "if (answer === 'created' || unanswered) return name;",
    to: "if (answer === 'created' || answer === 'exists' || unanswered) return name;",
  },
  {
    name: 'compaction: an object lies in the domain of others',
    file: REWRITE,
    from: 'segmentKey({ prefix: deps.store.prefix, domain, level: 1, id: name })',
    to: "segmentKey({ prefix: deps.store.prefix, domain: domain === 'own' ? 'shared' : domain, level: 1, id: name })",
  },
  {
    name: 'compaction: topics share an object',
    file: COMPACT,
    from: '    await this.#write();\n    if (!isWhole)',
    to: '    if (!isWhole)',
    test: 'test/maintenance/compaction-job.test.ts',
  },
  {
    name: 'compaction: a chunk is rewritten that the tail still has',
    file: 'lib/maintenance/live-chunks.ts',
    from: 'toBase: tailBase - 1n,',
    to: 'toBase: tailBase,',
    test: 'test/maintenance/compaction-crashes.test.ts',
  },
  {
    name: 'compaction: what is young is rewritten',
    file: 'lib/maintenance/chunk-supply.ts',
    from: 'if (!isOldEnough(chunk, nowMs, ageMs)) {',
    to: 'if (nowMs < ageMs) {',
    test: 'test/maintenance/compaction-job.test.ts',
  },
  {
    name: 'compaction: batches of a chunk are counted from where the one before began',
    file: 'lib/maintenance/read-chunk-batches.ts',
    from: 'for (const batch of openEntry(located, data, source)) batches.push(batch.bytes);',
    to: 'for (const batch of openEntry({ ...located, level: 1 }, data, source)) batches.push(batch.bytes);',
  },
  {
    name: 'compaction: it goes on behind what cannot be read',
    file: COMPACT,
    from: '        supply.end();\n        this.#damaged(name, partition.partition, damage);',
    to: '        this.#damaged(name, partition.partition, damage);',
    test: TOGETHER_TEST,
  },
  {
    name: 'compaction: what retention has dropped meanwhile ends a partition',
    file: COMPACT,
    from: '} else supply.rewind(left.base);',
    to: '} else supply.end();',
    test: TOGETHER_TEST,
  },
  {
    name: 'compaction: partitions that share segments are read one by one',
    file: COMPACT,
    from: 'const together = small.length > 1 ? small : [];',
    to: 'const together = small.length > 1e9 ? small : [];',
    test: TOGETHER_TEST,
  },
  {
    name: 'compaction: of partitions that are read together the younger chunks come first',
    file: 'lib/maintenance/gather-chunks.ts',
    from: 'next.minId < found.next!.minId',
    to: 'next.minId > found.next!.minId',
    test: TOGETHER_TEST,
  },
  {
    name: 'compaction: a slice ends before it got anywhere',
    file: COMPACT,
    from: 'return this.#slice.isOver() && (this.#hasMoved || this.#object !== null);',
    to: 'return this.#slice.isOver();',
    test: TOGETHER_TEST,
  },
  {
    name: 'compaction: what it may leave behind is not announced',
    file: COMPACT,
    from: 'rewrites: this.#state.rewrites + 1',
    to: 'rewrites: this.#state.rewrites',
    test: 'test/maintenance/compaction-crashes.test.ts',
  },
  {
    name: 'compaction: a job goes on while others wait for their turn',
    file: 'lib/maintenance/run-maintenance.ts',
    from: 'const atMostMs = Math.min(turnMs, (deadlineMs - nowMs) / 2);',
    to: 'const atMostMs = Math.max(turnMs, (deadlineMs - nowMs) / 2);',
    test: 'test/maintenance/compaction-job.test.ts',
  },
  {
    name: 'compaction: chunks that are large enough hide smaller ones below them',
    file: 'lib/maintenance/find-uncompacted.ts',
    from: 'chunk.level === 0 && isSettled(chunk, forKeys)',
    to: 'chunk.level === 0 && !isSettled(chunk, forKeys)',
    test: 'test/maintenance/find-uncompacted.test.ts',
  },
  {
    name: 'compaction: an old answer is taken for all that there is',
    file: 'lib/maintenance/find-uncompacted.ts',
    from: 'return answer[0]?.end === tailBase && isAll',
    to: 'return answer.length > 0 && isAll',
    test: 'test/maintenance/compaction-crashes.test.ts',
  },
  {
    name: 'compaction: damage is never looked at again',
    file: COMPACT,
    from: 'if (isHindered && this.#deps.store.serverClock.nowMs() - lookedAtMs >= DAMAGE_LOOK_MS) return false;',
    to: '',
    test: DAMAGE_TEST,
  },
  {
    name: 'compaction: it never rests while there is damage',
    file: COMPACT,
    from: 'open[index]!.hasMore && !this.#isDamaged(partition)',
    to: 'open[index]!.hasMore || this.#isDamaged(partition)',
    test: DAMAGE_TEST,
  },
  {
    name: 'compaction: damage is out of the report while it rests',
    file: COMPACT,
    from: 'const damages = isNeedless ? report.damages : NO_DAMAGE;',
    to: 'const damages = isNeedless ? NO_DAMAGE : report.damages;',
    test: DAMAGE_TEST,
  },
];
