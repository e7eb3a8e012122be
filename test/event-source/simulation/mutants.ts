/** Rules of the event source taken away, each of which somebody must miss. */
import type { Mutant } from '../../simulate/mutant.ts';

export const eventSourceMutants: readonly Mutant[] = [
  {
    name: 'a lease is taken from who has it',
    file: 'lib/event-source/lease-transitions.ts',
    from: 'const isFree = current.expiresAtMs <= nowMs;',
    to: 'const isFree = true;',
  },
  {
    name: 'a lease is taken whatever was seen',
    file: 'lib/event-source/lease-transitions.ts',
    from: 'if (current.generation !== seen || !isFree)',
    to: 'if (!isFree)',
  },
  {
    name: 'a lease is updated by whoever had it',
    file: 'lib/event-source/lease-transitions.ts',
    from: 'const isOwner = current?.generation === epoch && current.owner === owner;',
    to: 'const isOwner = current !== undefined;',
  },
  {
    name: 'an epoch is enough to own a lease',
    file: 'lib/event-source/lease-transitions.ts',
    from: 'current?.generation === epoch && current.owner === owner;',
    to: 'current?.generation === epoch;',
    test: 'test/event-source/lease-transitions.property.test.ts',
  },
  {
    name: 'a late update undoes a later one',
    file: 'lib/event-source/lease-transitions.ts',
    from: 'if (!isOwner || current.sequence >= sequence)',
    to: 'if (!isOwner)',
  },
  {
    name: 'an update takes back what was committed',
    file: 'lib/event-source/lease-transitions.ts',
    from: 'current.committed !== null && current.committed > committed;',
    to: 'current.committed !== null && current.committed > committed && epoch < 0;',
    test: 'test/event-source/lease-transitions.property.test.ts',
  },
  {
    name: 'a seek does not ask who has the lease',
    file: 'lib/event-source/lease-transitions.ts',
    from: "  if ((current?.generation ?? 0) !== seen) return { outcome: 'refused', item: current };\n",
    to: '',
    test: 'test/event-source/lease-transitions.property.test.ts',
  },
  {
    name: 'the head is not read behind a release',
    file: 'lib/event-source/release-partition.ts',
    from: 'return lookAgain(place, held, subscription, notBeforeMs);',
    to: "return { outcome: 'released', head: null, hasMore: false };",
  },
  {
    name: 'nobody is told to come back to what waits',
    file: 'lib/event-source/release-partition.ts',
    from: '    if (!isEnd) await place.book(notBeforeMs);\n',
    to: '',
  },
  {
    name: 'a wake-up counts only by the clock of the one who hears of it',
    file: 'lib/event-source/router.ts',
    from: 'const nowMs = Math.max(deps.clock.nowMs(), atMs);',
    to: 'const nowMs = deps.clock.nowMs() + atMs * 0;',
  },
  {
    name: 'who has no time left tells nobody of the rest',
    file: 'lib/event-source/partition-work.ts',
    from: 'if (hasMore || (isLeft && !this.#isOver)) await this.#ring();',
    to: '',
    test: 'test/event-source/partition-work.test.ts',
  },
  {
    name: 'what could not be sent to its destination counts as sent',
    file: 'lib/event-source/send-away.ts',
    from: '      held.remember({ error: error.message });\n      return false;\n',
    to: '      held.remember({ error: error.message });\n',
  },
  {
    name: 'what is given up is not sent anywhere',
    file: 'lib/event-source/partition-work.ts',
    from: 'if (dead.length > 0) await this.#sendAway(held, dead);',
    to: 'held.move(passRanges(held.progress, dead.map(({ record: { offset } }) => ({ from: offset, to: offset + 1n }))));',
  },
  {
    name: 'what a crash has left is nobody’s business',
    file: 'lib/event-source/wake-decision.ts',
    from: 'if (lease.expiresAtMs > nowMs - LEASE_MARGIN_MS && lease.expiresAtMs !== 0) {',
    to: 'if (lease.expiresAtMs !== 0) {',
  },
  {
    name: 'a record is given before one of its key that waits',
    file: 'lib/event-source/plan-batch.ts',
    from: 'return key !== null && this.#heldKeys.has(key);',
    to: 'return false;',
  },
  {
    name: 'a record that waits does not stop its partition',
    file: 'lib/event-source/plan-batch.ts',
    from: "      this.#isStopped = options.ordering === 'partition';\n",
    to: '',
  },
  {
    name: 'the first record behind the committed offset is left out',
    file: 'lib/event-source/received-event.ts',
    from: 'if (offset < position) continue;',
    to: 'if (offset <= position && position > 0n) continue;',
  },
  {
    name: 'a record is given up one attempt too early',
    file: 'lib/event-source/settle-batch.ts',
    from: 'const isOver = retryAttempts >= 0 && failures > retryAttempts;',
    to: 'const isOver = retryAttempts >= 0 && failures >= retryAttempts;',
  },
  {
    name: 'all of a batch counts as handled when some of it failed',
    file: 'lib/event-source/settle-batch.ts',
    from: 'return first < 0 ? batch : batch.slice(0, first);',
    to: 'return batch;',
  },
  {
    name: 'a record that failed counts as handled without the ordering partition',
    file: 'lib/event-source/settle-batch.ts',
    from: 'return !isOpen(record.offset) && !isHeld;',
    to: 'return !isHeld;',
  },
  {
    name: 'what follows a failed record under its key is not given again',
    file: 'lib/event-source/settle-batch.ts',
    from: 'return !isOpen(record.offset) && !isHeld;',
    to: 'return !isOpen(record.offset);',
    test: 'test/event-source/settle-batch.test.ts',
  },
  {
    name: 'committed offsets stop before what is done',
    file: 'lib/event-source/offset-ranges.ts',
    from: 'if (first === undefined || first.from > committed)',
    to: 'if (first === undefined || first.from >= committed)',
  },
  {
    name: 'what is done is given again',
    file: 'lib/event-source/plan-batch.ts',
    from: '    if (includesOffset(progress.done, offset)) return;\n',
    to: '',
    test: 'test/event-source/plan-batch.test.ts',
  },
  {
    name: 'a batch may be larger than its limit once it was cut',
    file: 'lib/event-source/plan-batch.ts',
    from: 'this.#limit = Math.min(\n      batchLimit(context.options),\n      isCut ? Math.ceil(suspects.length / 2) : Number.POSITIVE_INFINITY,\n    );',
    to: 'this.#limit = isCut ? Math.ceil(suspects.length / 2) : batchLimit(context.options);',
  },
  {
    name: 'records of one key go to several calls at once',
    file: 'lib/event-source/push/split-batch.ts',
    from: "const key = ordering === 'key' ? keyHash(record) : null;",
    to: "const key = ordering === 'key' && index < 0 ? keyHash(record) : null;",
  },
];

/** Limits of calls and rates, and the subscription that changes while a worker works. */
export const limitMutants: readonly Mutant[] = [
  {
    name: 'slots are given however many there are',
    file: 'lib/event-source/limits/slot-decisions.ts',
    from: 'const free = Math.max(0, limit - callsOf(slots.holders));',
    to: 'const free = limit * 0 + slots.waiting.length;',
  },
  {
    name: 'slots are given back before the call',
    file: 'lib/event-source/partition-work.ts',
    from: '    held.remember({ reserved: null });\n',
    to: '    held.remember({ reserved: null });\n    await this.#admissions.free();\n',
  },
  {
    name: 'slots run out while their worker works',
    file: 'lib/event-source/limits/admission.ts',
    from: 'return this.#slots.renew();',
    to: 'return Promise.resolve();',
  },
  {
    name: 'a dead worker keeps its slots',
    file: 'lib/event-source/limits/slot-decisions.ts',
    from: 'return holders.filter(({ expiresAtMs }) => expiresAtMs + SLOT_MARGIN_MS > nowMs);',
    to: 'return holders.filter(({ expiresAtMs }) => expiresAtMs + SLOT_MARGIN_MS > nowMs * 0);',
  },
  {
    name: 'who stops calling tells nobody who waits',
    file: 'lib/event-source/limits/slot-session.ts',
    from: '      await this.#ring(told);\n',
    to: '      void told;\n',
  },
  {
    name: 'a slot that came free while the lease was held is not seen',
    file: 'lib/event-source/partition-work.ts',
    from: 'return this.#admissions.hasSlotWaiting(this.subscription);',
    to: 'return false;',
    test: 'test/event-source/limits/limited-work.test.ts',
  },
  {
    name: 'who waits for a slot is not woken by the one who rings for him',
    file: 'lib/event-source/wake-decision.ts',
    from: "  if (progress.waitsForSlot && isCalled) return { kind: 'wake' };\n",
    to: '  void isCalled;\n',
  },
  {
    name: 'what others have reserved does not count',
    file: 'lib/event-source/limits/limit-transitions.ts',
    from: 'Math.max(current?.nextUs ?? 0, nowUs) + costUs',
    to: 'Math.max((current?.nextUs ?? 0) * 0, nowUs) + costUs',
  },
  {
    name: 'what was reserved is given at once',
    file: 'lib/event-source/limits/rate-plan.ts',
    from: "return nowMs < atMs ? 'wait' : 'use';",
    to: "return nowMs < atMs * 0 ? 'wait' : 'use';",
  },
  {
    name: 'what was reserved is used again and again',
    file: 'lib/event-source/partition-work.ts',
    from: '    held.remember({ reserved: null });\n',
    to: '',
  },
  {
    name: 'what was reserved may be used as late as one likes',
    file: 'lib/event-source/limits/rate-plan.ts',
    from: 'if (rate !== recordsPerSecond || nowMs > atMs + LATE_MS)',
    to: 'if (rate !== recordsPerSecond)',
  },
  {
    name: 'more is given than was reserved',
    file: 'lib/event-source/limits/admission.ts',
    from: 'batch: batch.slice(0, reserved!.records)',
    to: 'batch',
    test: 'test/event-source/limits/limited-work.test.ts',
  },
  {
    name: 'a batch is larger than a burst',
    file: 'lib/event-source/plan-batch.ts',
    from: 'return Math.min(batchSize * calls, burstRecords(recordsPerSecond));',
    to: 'return Math.min(batchSize * calls, burstRecords(recordsPerSecond * 0));',
  },
  {
    name: 'a worker does not read its subscription again',
    file: 'lib/event-source/partition-work.ts',
    from: '    if (this.#subscription.isStale && (await this.#subscription.read())) return null;\n',
    to: '',
  },
  {
    name: 'who leaves because of a pause does not look whether it is over',
    file: 'lib/event-source/release-partition.ts',
    from: "  if (isWaiting || subscription.state === 'paused') await subscription.read();\n",
    to: '',
    test: 'test/event-source/partition-work.test.ts',
  },
  {
    name: 'what a router has read counts as fresh however long ago it was',
    file: 'lib/event-source/watched-subscription.ts',
    from: 'const isFresh = Math.abs(clock.nowMs() - readAtMs) <= HANDED_OVER_MS;',
    to: 'const isFresh = Math.abs(clock.nowMs() - readAtMs) >= HANDED_OVER_MS * 0;',
    test: 'test/event-source/partition-work.test.ts',
  },
];

/** What is given once more. */
export const replayMutants: readonly Mutant[] = [
  {
    name: 'a replay begins where its topic does',
    file: 'lib/event-source/held-partition.ts',
    from: 'taken.committed ?? range?.from ?? head?.start',
    to: 'taken.committed ?? head?.start',
  },
  {
    name: 'a replay goes on behind the end of its range',
    file: 'lib/event-source/held-partition.ts',
    from: 'this.#committed, range?.to);',
    to: 'this.#committed);',
  },
  {
    name: 'a replay has all partitions of its topic',
    file: 'lib/event-source/replay.ts',
    from: 'if (range === undefined) return { start: head.start, next: head.start };',
    to: 'if (range === undefined) return head;',
  },
  {
    name: 'the progress of a replay stays behind',
    file: 'lib/event-source/remove-replay.ts',
    from: 'await repeatRequest(deps, () => offsets.remove(replay.group, key));',
    to: 'void [offsets, key];',
  },
  {
    name: 'a replay is begun beside another, or late',
    file: 'lib/event-source/subscription-transitions.ts',
    from: 'if (main?.version !== seen.version || part !== undefined)',
    to: 'if (main === undefined || seen.version < 0 || part !== undefined)',
    test: 'test/event-source/replays.test.ts',
  },
  {
    name: 'a replay whose subscription is gone is begun',
    file: 'lib/event-source/subscription-transitions.ts',
    from: 'if (main?.version !== seen.version || part !== undefined) return',
    to: "if (main === undefined) return { outcome: 'done', item: part! };\n  if (main.version !== seen.version || part !== undefined) return",
    test: 'test/event-source/replays.test.ts',
  },
];

/** What is handed to functions: by those that pull, and windows. */
export const functionMutants: readonly Mutant[] = [
  {
    name: 'a batch that a handler throws at counts as handled',
    file: 'lib/middleware/pull-call.ts',
    from: "await this.#work.settle({ kind: 'failed', ...failure });",
    to: "await this.#work.settle({ kind: 'answered', failed: new Map(failure ? [] : []) });",
  },
  {
    name: 'what a handler names as failed counts as handled',
    file: 'lib/middleware/pull-call.ts',
    from: 'else await this.#settle({ failed, postponed: this.#notGiven() });',
    to: 'else await this.#settle({ failed: new Map(), postponed: this.#notGiven() });',
  },
  {
    name: 'records that were not begun count as handled',
    file: 'lib/middleware/pull-call.ts',
    from: 'postponed: new Set([...postponed, ...this.#notGiven()])',
    to: 'postponed: new Set([...postponed, ...this.#notGiven()].slice(0, 0))',
  },
  {
    name: 'a record that fails does not stop what follows it',
    file: 'lib/middleware/run-records.ts',
    from: '        isBroken = true;\n',
    to: '',
  },
  {
    name: 'records of one key are handled at once',
    file: 'lib/middleware/run-records.ts',
    from: "const hasKey = ordering === 'key' && keyBytes !== null;",
    to: "const hasKey = ordering !== 'key' && keyBytes !== null;",
  },
  {
    name: 'a function that handles one batch tells nobody of the rest',
    file: 'lib/event-source/partition-work.ts',
    from: 'if (hasMore || (isLeft && !this.#isOver)) await this.#ring();',
    to: '',
  },
  {
    name: 'the state of a window is not stored with what it counts',
    file: 'lib/event-source/partition-work.ts',
    from: 'held.move({ ...progress, windowSinceMs: null, ...window });',
    to: 'held.move({ ...progress, windowSinceMs: null });',
  },
  {
    name: 'a window is closed although its last call failed',
    file: 'lib/event-source/close-window.ts',
    from: "if (outcome.kind === 'answered') return",
    to: 'if (outcome.kind !== undefined) return',
  },
  {
    name: 'the end of a window is no news',
    file: 'lib/event-source/wake-decision.ts',
    from: 'return parseProgress(lease.progress).window !== null;',
    to: 'return false;',
  },
  {
    name: 'a window goes on behind its end',
    file: 'lib/event-source/tumbling-window.ts',
    from: 'return sizeMs === 0 || Math.min(Number(timestampMs), nowMs) >= endMs;',
    to: 'return sizeMs === 0 && nowMs > endMs;',
  },
  {
    name: 'windows do not follow one another',
    file: 'lib/event-source/tumbling-window.ts',
    from: 'const floorMs = windowFloorMs ?? 0;',
    to: 'const floorMs = (windowFloorMs ?? 0) * 0;',
  },
];
