/** Rules of idempotent producers through gateways, taken away one by one; see `test/log/simulation/mutants.ts`. */
import type { Mutant } from '../../simulate/mutant.ts';

const STATES = 'lib/log/producer-states.ts';
const LANE = 'lib/log/lane-producers.ts';
const LOAD = 'lib/log/load-producers.ts';
const HANDLER = 'lib/gateway/produce-handler.ts';
const STATES_TESTS = 'test/log/producer-states.test.ts';
const GATEWAY_TESTS = 'test/gateway/idempotent-producers.test.ts';

export const gatewayProduceMutants: readonly Mutant[] = [
  {
    name: 'a batch that is sent again is appended again',
    file: STATES,
    from: "if (same) return { kind: 'duplicate', baseOffset: same.baseOffset };",
    to: "if (same) return { kind: 'append' };",
  },
  {
    name: 'a batch behind a gap is appended',
    file: STATES,
    from: "return baseSequence === expectedSequence ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence };",
    to: "return baseSequence >= expectedSequence ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence };",
  },
  {
    name: 'only the last batch of a producer is remembered',
    file: STATES,
    from: 'const KEPT_BATCHES = 5;',
    to: 'const KEPT_BATCHES = 1;',
    test: STATES_TESTS,
  },
  {
    name: 'the second batch of a producer is taken for its first, which is on its way',
    file: STATES,
    from: "return missingSequence == null ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence: missingSequence };",
    to: "return missingSequence == null || missingSequence >= 0 ? { kind: 'append' } : { kind: 'out-of-order', expectedSequence: 0 };",
    test: STATES_TESTS,
  },
  {
    name: 'what was given up is not awaited',
    file: HANDLER,
    from: 'if (mayComeAgain && header !== null && header.producerId >= 0n) this.#awaited.refused(place, header);',
    to: 'if (mayComeAgain && header === null) this.#awaited.refused(place, header!);',
  },
  {
    name: 'the memory of a request is used again once it is answered',
    file: HANDLER,
    from: 'const letGo = terms.hold();',
    to: 'const letGo = () => {};',
    test: 'test/gateway/produce.test.ts',
  },
  {
    name: 'what others have appended is not looked for',
    file: LANE,
    from: 'return this.#upTo === next;',
    to: 'return this.#upTo !== null && next >= 0n;',
  },
  {
    name: 'a batch is committed wherever the end is',
    file: 'lib/log/group-plan.ts',
    from: 'part.expectedOffset !== null || part.sequenced !== null)',
    to: 'part.expectedOffset !== null)',
  },
  {
    name: 'chunks are not looked into',
    file: LOAD,
    from: 'if (head.tailBase > downTo) {',
    to: 'if (head.tailBase < downTo) {',
  },
  {
    name: 'a tail that is old by its ids ends the look',
    file: LOAD,
    from: 'if (head.tailBase > downTo) {',
    to: 'if (head.tailBase > downTo && (from !== null || tail.some(({ entry }) => entry.id >= oldest))) {',
    test: 'test/log/sequenced-appends.test.ts',
  },
  {
    name: 'a batch is refused by what may be old',
    file: LANE,
    from: '} else if (!isFresh) {',
    to: '} else if (!isFresh && group.length < 0) {',
  },
  {
    name: 'the same batch twice in one commit',
    file: LANE,
    from: "if (decision.kind === 'duplicate' && decision.baseOffset === null) break;",
    to: "if (decision.kind === 'duplicate' && decision.baseOffset === null) { append.push(ready); continue; }",
  },
  {
    name: 'all batches of a commit are remembered at its beginning',
    file: LANE,
    from: 'if (part.sequenced) this.#states.record(part.sequenced, offset, this.#clock.monotonicMs());',
    to: 'if (part.sequenced) this.#states.record(part.sequenced, baseOffset, this.#clock.monotonicMs());',
  },
  {
    name: 'what stands between is taken for known',
    file: LANE,
    from: 'if (this.#upTo !== baseOffset) return;',
    to: 'if (this.#upTo === null) return;',
  },
  {
    name: 'a producer id is not looked at',
    file: HANDLER,
    from: 'const isSequenced = checked.header.producerId >= 0n;',
    to: 'const isSequenced = checked.header.producerId < 0n && checked.bytes.length === 0;',
    test: GATEWAY_TESTS,
  },
  {
    name: 'who was silent for a day is remembered',
    file: STATES,
    from: 'if (nowMs - heardMs <= KEPT_MS) return;',
    to: 'if (nowMs - heardMs >= 0) return;',
    test: STATES_TESTS,
  },
];
