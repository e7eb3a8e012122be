/** Rules of delayed records taken away, each of which somebody must miss. */
import type { Mutant } from '../../simulate/mutant.ts';

const TRANSITIONS = 'lib/delay/due-transitions.ts';
const WRITER = 'lib/delay/delay-writer.ts';
const RELEASER = 'lib/delay/due-releaser.ts';

export const delayMutants: readonly Mutant[] = [
  {
    name: 'what was settled is released again',
    file: TRANSITIONS,
    from: "if (record?.state !== 'waiting') return { outcome: 'refused', by: 'record', index };",
    to: "if (record === undefined) return { outcome: 'refused', by: 'record', index };",
  },
  {
    name: 'what was delivered is cancelled',
    file: TRANSITIONS,
    from: "if (current?.state !== 'waiting') return { outcome: 'refused', item: current };",
    to: "if (!current) return { outcome: 'refused', item: current };",
  },
  {
    name: 'what was settled is stored again',
    file: TRANSITIONS,
    from: "return current ? { outcome: 'refused'",
    to: "return current?.state === 'waiting' ? { outcome: 'refused'",
  },
  {
    name: 'a minute is not announced',
    file: WRITER,
    from: '    await this.#inTime(request, () => this.#rings.announce(partition, minuteMs));\n',
    to: '',
  },
  {
    name: 'a minute that is near is not rung again',
    file: WRITER,
    from: 'if (minuteMs > this.nowMs() + NEAR_MS) return id;',
    to: 'if (minuteMs >= 0) return id;',
    test: 'test/delay/late-delays.test.ts',
  },
  {
    name: 'what was left unanswered is told to be refused',
    file: WRITER,
    from: 'if (!unanswered) throw notCommitted(id, cause);',
    to: 'throw notCommitted(id, cause);',
  },
  {
    name: 'a fence that was too late is not noticed',
    file: WRITER,
    from: "if (outcome === 'done' || item?.state === 'cancelled') throw",
    to: 'if (outcome !== undefined) throw',
  },
  {
    name: 'a fence is believed that stands where a trace was forgotten',
    file: WRITER,
    from: '    if (this.#isLate(place)) throw unknown(id, cause);\n',
    to: '',
    test: 'test/delay/local-delays.test.ts',
  },
  {
    name: 'a minute is removed although it was rung again',
    file: 'lib/delay/transactional/transactional-delays.ts',
    from: 'isGone = item === undefined || dueMinuteFromItem(key.sk, item).stamp === minute.stamp;',
    to: 'isGone = true;',
    test: 'test/delay/late-delays.test.ts',
  },
  {
    name: 'a minute is removed before it is over',
    file: RELEASER,
    from: 'minuteMs + MINUTE_MS <= endMs',
    to: 'minuteMs + MINUTE_MS / 2 <= endMs',
  },
  {
    name: 'what was stored since the last look is passed over',
    file: 'lib/delay/due-scan.ts',
    from: 'froms.push(Math.min(nextMs, lookedMs));',
    to: 'froms.push(nextMs);',
    test: 'test/delay/due-scan.test.ts',
  },
  {
    name: 'what becomes due during a look is passed over',
    file: RELEASER,
    from: 'return this.#finish(partition, scan, endMs);',
    to: 'return this.#finish(partition, scan, this.#nowMs() + 1);',
  },
  {
    name: 'a minute that is rung again is looked at from now on alone',
    file: 'lib/delay/due-scan.ts',
    from: 'Math.max(minuteMs, Math.min(lookedMs, nowMs) - LATE_PUT_MS)',
    to: 'Math.max(minuteMs, nowMs - LATE_PUT_MS)',
    test: 'test/delay/due-scan.test.ts',
  },
  {
    name: 'what was heard during a look is forgotten behind it',
    file: 'lib/delay/due-scan.ts',
    from: 'if (minute?.stamp === stamp && minuteMs < endMs)',
    to: 'if (minute && stamp && minuteMs < endMs)',
    test: 'test/delay/due-scan.test.ts',
  },
  {
    name: 'a clock that was set right is not looked at again',
    file: RELEASER,
    from: 'const endMs = Math.min(toMs, this.#nowMs() + 1);',
    to: 'const endMs = toMs;',
  },
  {
    name: 'what lies below the horizon is released',
    file: RELEASER,
    from: 'if (!mayBe) return waiting;',
    to: 'if (!mayBe || mayBe) return waiting;',
  },
  {
    name: 'traces are forgotten under a horizon that does not rise',
    file: 'lib/delay/forget-traces.ts',
    from: '    await repeatRequest(deps, () => dueRecords.raiseHorizon(partition, last.dueMs + 1));\n',
    to: '',
  },
  {
    name: 'what was stored too late is not looked for',
    file: RELEASER,
    from: 'const nextMs = overdue !== null && overdue < scan.fromMs ? overdue : ahead;',
    to: 'const nextMs = overdue !== null && overdue < 0 ? overdue : ahead;',
    test: 'test/delay/late-delays.test.ts',
  },
  {
    name: 'what waits is forgotten',
    file: 'lib/delay/forget-traces.ts',
    from: "state === 'waiting' && dueMs >= horizon",
    to: "state === 'waiting' && dueMs >= horizon && dueMs < 0",
    test: 'test/delay/forget-traces.test.ts',
  },
  {
    name: 'a copy below the horizon is taken for what waits',
    file: 'lib/delay/delay-admin.ts',
    from: "    if (await this.#isForgotten(partition, place)) return 'unknown';\n",
    to: '',
    test: 'test/delay/late-delays.test.ts',
  },
  {
    name: 'an answer that came too late is believed',
    file: WRITER,
    from: '    if (this.#isLate(place)) throw unknown(id);\n',
    to: '',
    test: 'test/delay/late-delays.test.ts',
  },
];
