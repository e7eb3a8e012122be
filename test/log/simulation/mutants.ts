/**
 * Rules of the protocol taken away one by one. The simulation is worth what it says only if it notices each of them.
 *
 * `from` stands in the source exactly once, so that a mutant which no longer fits is an error and not a survivor.
 */

import type { Mutant } from '../../simulate/mutant.ts';
import { transitionMutants } from './transition-mutants.ts';

const DECISION = 'lib/log/commit-decision.ts';
const GROUP = 'lib/log/commit-group.ts';
const LANE = 'lib/log/partition-lane.ts';
const SEARCH = 'lib/log/search-chunks.ts';
const UPLOAD = 'lib/log/upload-segment.ts';
const ROLL = 'lib/log/roll.ts';

export const mutants: readonly Mutant[] = [
  ...transitionMutants,
  {
    name: 'order before data: commit does not wait for the PUT',
    file: UPLOAD,
    from: 'const outcome = await deps.store.objects.put(keyOf(deps, upload, id), upload.bytes);',
    to: "const outcome: string = 'created'; void deps.store.objects.put(keyOf(deps, upload, id), upload.bytes).catch(() => {});",
  },
  {
    name: 'an unanswered PUT counts as done',
    file: UPLOAD,
    from: 'if (error instanceof UnansweredError) unanswered = true;',
    to: 'if (error instanceof UnansweredError) return id;',
  },
  {
    name: '412 at a first attempt counts as ours',
    file: UPLOAD,
    from: "const isOurs = outcome === 'created' || unanswered;",
    to: "const isOurs = outcome === 'created' || outcome === 'exists';",
  },
  {
    name: 'the memory of a segment is used again though a PUT was left unanswered',
    file: UPLOAD,
    from: 'if (!mayBeRead) upload.onUnread?.();',
    to: 'upload.onUnread?.();',
    test: 'test/log/appender.test.ts',
  },
  {
    name: 'an id far ahead of the clock of the stores is committed',
    file: UPLOAD,
    from: 'return (serverClock.aheadMs(id) ?? 0) > limits.clockAheadMs;',
    to: 'return (serverClock.aheadMs(id) ?? 0) > 1_000 * limits.clockAheadMs;',
  },
  {
    name: 'trim before chunk',
    file: ROLL,
    from: 'const put = await store.chunks.put(partition, planned);',
    to: 'const early = planTrim(head, planned); if (early) await store.heads.trimTail(partition, early); const put = await store.chunks.put(partition, planned);',
  },
  {
    name: 'roll ignores the extent of the chunk that is there',
    file: ROLL,
    from: 'const chunk = put.item ?? planned;',
    to: 'const chunk = planned;',
  },
  {
    name: 'roll takes one entry less than the chunk from the tail',
    file: 'lib/log/roll-plan.ts',
    from: 'const moved = head.tail.slice(0, chunk.count);',
    to: 'const moved = head.tail.slice(0, chunk.count - 1);',
  },
  {
    name: 'chunk forgets the running maximum of timestamps',
    file: 'lib/log/roll-plan.ts',
    from: 'let runMaxTimestampMs = head.maxTimestampMs;',
    to: 'let runMaxTimestampMs = -1n;',
  },
  {
    name: '`known` is read again before every attempt',
    file: GROUP,
    from: 'answer = await this.#deps.store.heads.commit(this.#partition, this.#progress.args);',
    to: 'const fresh = (await this.#deps.store.heads.read(this.#partition, { consistent: true }))!.next; answer = await this.#deps.store.heads.commit(this.#partition, { ...this.#progress.args, known: fresh });',
  },
  {
    name: 'an unanswered attempt counts as answered',
    file: GROUP,
    from: 'this.#progress = { ...this.#progress, unanswered: true };',
    to: 'this.#progress = { ...this.#progress, unanswered: false };',
  },
  {
    name: 'an unanswered group is put together anew',
    file: GROUP,
    from: 'if (mayHaveLanded) this.#progress = { ...this.#progress, unanswered: true };',
    to: "if (mayHaveLanded) return finish({ outcome: 'refloored', floor: '0'.repeat(26) });",
  },
  {
    name: 'give up without the fence',
    file: GROUP,
    from: 'this.#deps.store.heads.raiseFloor(this.#partition, minId),',
    to: "this.#deps.store.heads.read(this.#partition, { consistent: true }).then((item) => ({ outcome: 'done' as const, item: item! })),",
  },
  {
    name: 'give up: the head is read before the fence',
    file: GROUP,
    from: 'this.#deps.store.heads.raiseFloor(this.#partition, minId),',
    to: "this.#deps.store.heads.read(this.#partition, { consistent: true }).then(async (item) => { await this.#deps.store.heads.raiseFloor(this.#partition, minId); return { outcome: 'done' as const, item: { ...item!, floor: minId } }; }),",
    test: 'test/log/commit-group.test.ts',
  },
  {
    name: 'give up without looking into the chunks',
    file: GROUP,
    from: "if (decision.kind === 'search') {",
    to: "if (decision.kind === 'search' && this.#attempts < 0) {",
  },
  {
    name: 'give up: a gap does not make it unknown',
    file: GROUP,
    from: 'if (this.#progress.gap) return',
    to: 'if (this.#progress.gap && this.#attempts < 0) return',
  },
  {
    name: 'the gap is forgotten over `known = next, again`',
    file: GROUP,
    from: 'args: { ...this.#progress.args, known: decision.known } };',
    to: 'gap: false, args: { ...this.#progress.args, known: decision.known } };',
    test: 'test/log/commit-group.test.ts',
  },
  {
    name: 'case 3 although an attempt was left unanswered',
    file: DECISION,
    from: 'if (!progress.unanswered) return',
    to: 'if (head) return',
  },
  {
    name: 'case 4 dropped: no look into the chunks',
    file: DECISION,
    from: "  if (head.tailBase > args.known) return { kind: 'search', head };",
    to: '',
  },
  {
    name: 'case 5: a gap does not make it unknown',
    file: DECISION,
    from: "return progress.gap ? { kind: 'unknown' } : { kind: 'not-committed', floor: head.floor };",
    to: "return { kind: 'not-committed', floor: head.floor };",
  },
  {
    name: 'case 6: OFFSET_MISMATCH in spite of a gap',
    file: DECISION,
    from: "return progress.gap ? { kind: 'unknown' } : { kind: 'mismatch', next: head.next };",
    to: "return { kind: 'mismatch', next: head.next };",
    test: 'test/log/commit-decision.test.ts',
  },
  {
    name: 'case 2 dropped: a full tail is not rolled',
    file: DECISION,
    from: "return { kind: 'roll', head };",
    to: "return { kind: 'again', known: args.known };",
  },
  {
    name: 'a member found in the middle counts as the first',
    file: DECISION,
    from: 'return offset - before;',
    to: 'return offset;',
  },
  {
    name: 'a compacted chunk is no gap',
    file: SEARCH,
    from: 'if (chunk.level !== 0 || chunk.end < cursor) gap = true;',
    to: 'if (chunk.end < cursor) gap = true;',
  },
  {
    name: 'a missing chunk is no gap',
    file: SEARCH,
    from: 'return { found: false, gap: true };',
    to: 'return { found: false, gap };',
  },
  {
    name: 'the search ends above the chunk that covers known',
    file: SEARCH,
    from: 'while (cursor > search.known) {',
    to: 'while (cursor > search.known + 3n) {',
  },
  {
    name: 'the floor condition of a group asks for its largest id',
    file: 'lib/log/group-plan.ts',
    from: '(id < least ? id : least)',
    to: '(id > least ? id : least)',
    test: 'test/log/group-plan.test.ts',
  },
  {
    name: 'parts leave as they become ready, not in flush order',
    file: 'lib/log/group-plan.ts',
    from: "if (part.state.kind !== 'ready') break;",
    to: "if (part.state.kind !== 'ready') continue;",
  },
  {
    name: 'what the floor has passed is sent again under its old id',
    file: LANE,
    from: 'part.state.id <= this.floor || this.#deps',
    to: 'this.#deps',
  },
  {
    name: 'UNKNOWN does not fail what is queued behind',
    file: LANE,
    from: '    this.#failAll(queuedBehind(this.partition, unknown));',
    to: '',
  },
  {
    name: 'NOT COMMITTED fails its own part only',
    file: LANE,
    from: '    this.#queue = [];\n    first?.reject(error);',
    to: '    first?.reject(error); this.#queue.shift(); if (rest.length > 0) return;',
  },
  {
    name: 'a given-up append does not fail what is not flushed yet',
    file: LANE,
    from: '    this.#deps.failOpen(this.partition, behind);',
    to: '',
  },
  {
    name: 'UNKNOWN forgets what may still land',
    file: LANE,
    from: 'this.#fence = result.fence;',
    to: 'this.#fence = null;',
    test: 'test/log/partition-lane.test.ts',
  },
  {
    name: 'expectedOffset is sent as it came, also ahead of next',
    file: LANE,
    from: 'const known = this.#known!.next;',
    to: 'const known = first.expectedOffset ?? this.#known!.next;',
    test: 'test/log/partition-lane.test.ts',
  },
  {
    name: 'OFFSET_MISMATCH is told by an old next',
    file: LANE,
    from: 'else this.#known = null;',
    to: 'else this.#failAll(offsetMismatch(this.partition, first.expectedOffset, known));',
    test: 'test/log/partition-lane.test.ts',
  },
  {
    name: 'a flush whose parts have failed is never left',
    file: 'lib/log/appender.ts',
    from: '    while (this.#sealed[0]?.empty) this.#sealed.shift();\n',
    to: '',
  },
  {
    name: 'a settled part becomes ready again',
    file: 'lib/log/append-part.ts',
    from: '    if (this.settled) return;\n    this.state = state;',
    to: '    this.state = state;',
  },
  {
    name: 'reads go on behind the high watermark of their head',
    file: 'lib/log/locate.ts',
    from: '      toBase: head.tailBase - 1n,\n',
    to: '',
  },
  {
    name: 'reads begin one entry early',
    file: 'lib/log/locate.ts',
    from: 'if (endOffset > offset) {',
    to: 'if (endOffset >= offset) {',
  },
  {
    name: 'a missing object is loss at once',
    file: 'lib/log/fetcher.ts',
    from: '=== missed[index];',
    to: "!== '';",
  },
  {
    name: 'a missing chunk is loss at once',
    file: 'lib/log/fetcher.ts',
    from: 'const isLost = head !== null && target.offset >= head.start;',
    to: 'const isLost = head !== null;',
  },
  {
    name: 'compaction forgets before it raises the floor',
    file: 'test/log/simulation/keepers.ts',
    from: '  await store.heads.raiseFloor(partition, floor);\n',
    to: '',
  },
  {
    name: 'a trim forgets without raising the floor',
    file: 'lib/log/trim-partition.ts',
    from: 'floor: await floorBelow(deps, key, head, target) }',
    to: 'floor: head.floor }',
    test: 'test/log/trim-partition.test.ts',
  },
];
