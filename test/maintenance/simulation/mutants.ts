/** Steps of retention and collection taken away one by one, and their order changed. */
import type { Mutant } from '../../simulate/mutant.ts';

const RETAIN = 'lib/maintenance/retain-partition.ts';
const NAMES = 'lib/maintenance/read-names.ts';
const CONDEMN = 'lib/maintenance/condemn.ts';
const COLLECT = 'lib/maintenance/collection-job.ts';

export const maintenanceMutants: readonly Mutant[] = [
  {
    name: 'retention: the floor is not raised over what is forgotten',
    file: RETAIN,
    from: 'const floor: SegmentId = needed > head.floor ? needed : head.floor;',
    to: 'const floor: SegmentId = needed > head.floor ? head.floor : head.floor;',
    // The deletion of a chunk asks for the floor once more, so the chunk only stays.
    test: 'test/maintenance/retain-partition.test.ts',
  },
  {
    name: 'retention: chunks are deleted before the start is raised',
    file: RETAIN,
    from: 'const raised = await raise(deps, partition, head, isLast ? target : page.at(-1)!.end, dead);',
    to: 'const raised = await raise(deps, partition, head, isLast ? head.start : head.start, dead);',
  },
  {
    name: 'retention: the tail is never rolled',
    file: RETAIN,
    from: 'if (count === 0) return false;',
    to: 'if (count >= 0) return false;',
  },
  {
    name: 'retention: the start rises over a chunk that has not expired as a whole',
    file: RETAIN,
    from: 'if (chunk.base > end || !isExpired(chunkExtents(chunk))) return below;',
    to: 'if (chunk.base > end) return below; isExpired(chunkExtents(chunk)); below = chunk.end;',
  },
  {
    name: 'retention: it goes on behind a chunk that is missing',
    file: RETAIN,
    from: 'if (chunk.base > end || !isExpired(chunkExtents(chunk))) return below;',
    to: 'if (!isExpired(chunkExtents(chunk))) return below;',
    test: 'test/maintenance/retain-partition.test.ts',
  },
  {
    name: 'retention: records as old as the limit go',
    file: 'lib/maintenance/retention-plan.ts',
    from: 'BigInt(nowMs) - maxTimestampMs <= maxAgeMs);',
    to: 'BigInt(nowMs) - maxTimestampMs < maxAgeMs);',
    test: 'test/maintenance/retention-plan.test.ts',
  },
  {
    name: 'retention: an entry goes although too few bytes stay',
    file: 'lib/maintenance/retention-plan.ts',
    from: 'if (this.#bytes >= this.#minBytes) this.startOffset = endOffset;',
    to: 'if (this.#bytes + BigInt(bytes) >= this.#minBytes) this.startOffset = endOffset;',
  },
  {
    name: 'retention: the clock is believed beyond what the store has told',
    file: 'lib/maintenance/trusted-time.ts',
    from: 'const seen = trustTime(before, serverClock.nowMs() - marginMs);',
    to: 'const seen = trustTime(before, serverClock.nowMs() + marginMs);',
    test: 'test/maintenance/trusted-time.test.ts',
  },
  {
    name: 'retention: a time that the store has told once is believed at once',
    file: 'lib/maintenance/trusted-time.ts',
    from: 'return { nowMs: seen.trustedMs, seen };',
    to: 'return { nowMs: serverClock.isCorrected ? seen.seenMs : seen.trustedMs, seen };',
    test: 'test/maintenance/trusted-time.test.ts',
  },
  {
    name: 'retention: a clock is believed before five minutes are over',
    file: 'lib/maintenance/trusted-time.ts',
    from: 'if (nowMs < before.seenMs + limits.clockConfirmMs) return before;',
    to: 'if (nowMs < before.seenMs) return before;',
    test: 'test/maintenance/trusted-time.test.ts',
  },
  {
    name: 'collection: the global floor is not raised',
    file: COLLECT,
    from: 'await repeatRequest(this.#deps, () => this.#deps.store.topics.raiseGlobalFloor(floor));',
    to: '',
    test: 'test/maintenance/collection-job.test.ts',
  },
  {
    name: 'collection: the floors of heads are not raised',
    file: NAMES,
    from: 'if (head.floor >= floor) return head;',
    to: 'if (head.floor >= floor || head.next >= 0n) return head;',
  },
  {
    name: 'collection: names are read before the floor is raised',
    file: NAMES,
    from: 'if (fenced !== undefined) await readNames(deps, partition, fenced, add);',
    to: 'if (fenced !== undefined) await readNames(deps, partition, head, add);',
    test: 'test/maintenance/read-names.test.ts',
  },
  {
    name: 'collection: chunks are read before the floor is raised, the tail behind it',
    file: NAMES,
    from: '  const fenced = await fence(deps, partition, head, floor);\n  if (fenced !== undefined) await readNames(deps, partition, fenced, add);',
    to: '  await readNames(deps, partition, { ...head, tail: [] }, add);\n  const fenced = await fence(deps, partition, head, floor);\n  if (fenced !== undefined) await readNames(deps, partition, { ...fenced, tailBase: 0n }, add);',
  },
  {
    name: 'collection: names in the tail are not read',
    file: NAMES,
    from: '  addAll(head.tail);\n',
    to: '',
  },
  {
    name: 'collection: names in the last chunk are not read',
    file: NAMES,
    from: '  addHeld(head.tailBase);\n',
    to: '',
  },
  {
    name: 'collection: chunks may be as they were some time ago',
    file: 'lib/log/chunk-pages.ts',
    from: 'order, limit: PAGE, consistent: true };',
    to: 'order, limit: PAGE, consistent: false };',
  },
  {
    name: 'collection: a chunk counts as dead when it begins below the start',
    file: NAMES,
    from: '(held.end <= head.start ||',
    to: '(held.base <= head.start ||',
  },
  {
    name: 'collection: ids above the floor are condemned',
    file: CONDEMN,
    from: "if (id >= floor) return 'fresh';",
    to: "if (id >= floor && floor === '') return 'fresh';",
  },
  {
    name: 'collection: the id at the floor is condemned',
    file: CONDEMN,
    from: "if (id >= floor) return 'fresh';",
    to: "if (id > floor) return 'fresh';",
    test: 'test/maintenance/condemn.test.ts',
  },
  {
    name: 'collection: what is named is condemned',
    file: CONDEMN,
    from: "if (names.has(id)) return 'named';",
    to: '',
  },
  {
    name: 'collection: what a damaged partition may name is condemned',
    file: CONDEMN,
    from: "if (unread.length === 0) return 'condemned';",
    to: "if (unread.length >= 0) return 'condemned';",
    test: 'test/maintenance/collection-job.test.ts',
  },
  {
    name: 'collection: an object whose index cannot be read is taken for one that names nothing',
    file: CONDEMN,
    from: '    if (!isDamage(error)) throw error;\n    return true;',
    to: '    if (!isDamage(error)) throw error;\n    return false;',
    test: 'test/maintenance/condemn.test.ts',
  },
  {
    name: 'collection: a list is carried out at once',
    file: 'lib/maintenance/carry-out-lists.ts',
    from: 'return atMs + restoreWindowMs <= nowMs;',
    to: 'return atMs <= nowMs + restoreWindowMs;',
  },
  {
    name: 'collection: a list is dated by when its pass was begun',
    file: COLLECT,
    from: 'this.#change({ names: null, namesAtMs: this.#deps.store.serverClock.nowMs() });',
    to: 'this.#change({ names: null, namesAtMs: Number.parseInt(floor.slice(0, 0) || String(this.#nowMs - this.#options.freshMs), 10) });',
  },
  {
    name: 'collection: names that were read behind the first stored ones are lost',
    file: COLLECT,
    from: 'if (pass.names === null && pass.filter !== null && pass.namesAtMs === this.#filterOfMs) return;',
    to: 'if (pass.filter !== null) return;',
  },
  {
    name: 'collection: a pass goes on behind heads that it has not read',
    file: COLLECT,
    from: 'this.#change({ names: { place }, sum: added % SUM_LIMIT });',
    to: 'this.#change({ names: { place: { ...place, partition: place.partition + 1 } }, sum: added % SUM_LIMIT });',
  },
  {
    name: 'collection: parts of lists are deleted with what is left over',
    file: COLLECT,
    from: 'const named = new Set(this.#state.lists.flatMap((one) => one.parts));',
    to: 'const named = new Set<string>();',
  },
  {
    name: 'collection: objects of another log are taken for garbage',
    file: 'lib/maintenance/known-topics.ts',
    from: 'if (!(await this.#isKnown(partition))) return object.key;',
    to: 'await this.#isKnown(partition);',
    test: 'test/maintenance/collection-job.test.ts',
  },
  {
    name: 'a job is taken although somebody has it',
    file: 'lib/maintenance/job-transitions.ts',
    from: 'if (!isSeen || !isFree)',
    to: 'if (!isSeen)',
    test: 'test/maintenance/job-transitions.test.ts',
  },
  {
    name: 'a job is changed by who had it before',
    file: 'lib/maintenance/job-transitions.ts',
    from: 'if (!isOwner || current.sequence >= args.sequence)',
    to: 'if (!current || current.sequence >= args.sequence)',
    test: 'test/maintenance/job-transitions.test.ts',
  },
  {
    name: 'a late update of a job undoes a later one',
    file: 'lib/maintenance/job-transitions.ts',
    from: 'if (!isOwner || current.sequence >= args.sequence)',
    to: 'if (!isOwner)',
    test: 'test/maintenance/job-transitions.test.ts',
  },
];
