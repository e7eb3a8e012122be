/** Rules of groups that gateways coordinate, taken away one by one; see `test/log/simulation/mutants.ts`. */
import type { Mutant } from '../../../simulate/mutant.ts';

const TENURE = 'lib/gateway/groups/group-tenure.ts';
const CELL = 'lib/gateway/groups/group-cell.ts';
const REQUESTS = 'lib/gateway/groups/classic-requests.ts';
const RECONCILE = 'lib/gateway/groups/consumer-reconcile.ts';
const GATEWAYS = 'lib/gateway/live-gateways.ts';
const COORDINATOR_TESTS = 'test/gateway/groups/group-coordinator.test.ts';
const CLASSIC_TESTS = 'test/gateway/groups/classic-group.test.ts';
const GATEWAY_TESTS = 'test/gateway/live-gateways.test.ts';

export const gatewayGroupMutants: readonly Mutant[] = [
  {
    name: 'a gateway takes a group without claiming what is assigned',
    file: TENURE,
    from: '  await taken.claim(assigned);\n',
    to: '  if (assigned.length < 0) await taken.claim(assigned);\n',
    test: COORDINATOR_TESTS,
  },
  {
    name: 'a gateway takes a group in the generation of the one before',
    file: TENURE,
    from: 'return { ...base, generation: base.generation + 1, coordination };',
    to: 'return { ...base, coordination };',
  },
  {
    name: 'what is assigned is not claimed',
    file: CELL,
    from: 'return this.tenure.claim(assigned.map(',
    to: 'if (assigned.length >= 0) return true;\n    return this.tenure.claim(assigned.map(',
    test: COORDINATOR_TESTS,
  },
  {
    name: 'a group that another has taken is written all the same',
    file: TENURE,
    from: '    else this.#isLost = true;\n    return !this.#isLost;\n  }\n\n  /**',
    to: '    return true;\n  }\n\n  /**',
  },
  {
    name: 'a write of another tenure counts as ours',
    file: TENURE,
    from: ' && item.coordination?.tenure === next.coordination!.tenure;',
    to: ';',
    test: COORDINATOR_TESTS,
  },
  {
    name: 'a commit that may still take effect is not fenced',
    file: TENURE,
    from: 'const isDoubted = (text: string) => this.#inDoubt.has(text);',
    to: 'const isDoubted = (text: string) => this.#inDoubt.has(`!` + text);',
    test: 'test/gateway/groups/group-tenure.test.ts',
  },
  {
    name: 'a commit in doubt is claimed anew under the same generation',
    file: TENURE,
    from: 'if (isStale && !(await this.#raise(this.#group.generation))) return false;',
    to: 'if (isStale && this.#isLost) return false;',
    test: 'test/gateway/groups/group-tenure.test.ts',
  },
  {
    name: 'a partition is given away while a commit of it is under way',
    file: TENURE,
    from: '    await Promise.all(texts.flatMap((text) => [...(this.#committing.get(text) ?? [])]));\n',
    to: '',
    test: 'test/gateway/groups/group-tenure.test.ts',
  },
  {
    name: 'offsets are read while commits of them are under way',
    file: 'lib/gateway/groups/offset-fetch.ts',
    from: '    await coordinator.commitsOf(groupId);\n',
    to: '',
    test: COORDINATOR_TESTS,
  },
  {
    name: 'a member of an old generation may commit',
    file: REQUESTS,
    from: 'if (generation === group.generation) return null;',
    to: 'if (generation <= group.generation) return null;',
    test: CLASSIC_TESTS,
  },
  {
    name: 'a generation that was begun and not stored is an illegal one',
    file: REQUESTS,
    from: 'if (group.isInherited && generation > group.generation)',
    to: 'if (group.isInherited && generation < 0)',
    test: CLASSIC_TESTS,
  },
  {
    name: 'a gateway that was robbed and has not noticed puts members out',
    file: CELL,
    from: 'if (!PUTS_OUT.has(error)) return error;',
    to: 'if (PUTS_OUT.has(error) || this.closed === null) return error;',
  },
  {
    name: 'a gateway that takes a group knows nothing of its members',
    file: TENURE,
    from: 'state: base.coordination?.state ?? null };',
    to: 'state: null };',
  },
  {
    name: 'members that are taken over have no time to be heard',
    file: 'lib/gateway/groups/classic-group.ts',
    from: 'deadlineMs: nowMs + member.sessionMs,',
    to: 'deadlineMs: nowMs,',
  },
  {
    name: 'a member may commit between two generations',
    file: REQUESTS,
    from: "  if (isCompleting(group)) return 'REBALANCE_IN_PROGRESS';\n  touch(",
    to: '  touch(',
    test: CLASSIC_TESTS,
  },
  {
    name: 'an assignment is given before it is stored',
    file: 'lib/gateway/groups/classic-group.ts',
    from: '  const waiting = group.unstored?.onStored ?? [];\n',
    to: '  onStored?.(null);\n  const waiting = group.unstored?.onStored ?? [];\n',
    test: CLASSIC_TESTS,
  },
  {
    name: 'an epoch is told before it is stored',
    file: 'lib/gateway/groups/consumer-group.ts',
    from: '  if (waiting === null) onStored(null);',
    to: '  if (waiting !== undefined) onStored(null);',
  },
  {
    name: 'a partition is given while another member has it',
    file: RECONCILE,
    from: '    for (const partition of other.assigned) held.add(partition);\n    for (const partition of other.revoking) held.add(partition);\n',
    to: '',
  },
  {
    name: 'what a member has to let go of counts as free',
    file: RECONCILE,
    from: '    for (const partition of other.revoking) held.add(partition);\n',
    to: '',
  },
  {
    name: 'a member has let go when it does not say what it has',
    file: RECONCILE,
    from: 'if (owned === null || [...member.revoking]',
    to: 'if (owned !== null && [...member.revoking]',
    test: 'test/gateway/groups/consumer-group.test.ts',
  },
  {
    name: 'a gateway that was robbed confirms that a member has left',
    file: 'lib/gateway/groups/classic-handlers.ts',
    from: 'const error = cell.closed ?? (await cell.whyNotHeld());',
    to: 'const error = cell.closed;',
    test: COORDINATOR_TESTS,
  },
  {
    name: 'a gateway never takes itself for dead',
    file: GATEWAYS,
    from: 'return this.#deps.clock.monotonicMs() - this.#sentMs <= this.#sessionMs;',
    to: 'return this.#sentMs > 0 && this.#sessionMs > 0;',
    test: GATEWAY_TESTS,
  },
  {
    name: 'time in which a gateway could not look counts as silence of the others',
    file: GATEWAYS,
    from: 'const uncountedMs = gapMs > 3 * this.#beatMs ? gapMs : 0;',
    to: 'const uncountedMs = gapMs > 3000 * this.#beatMs ? gapMs : 0;',
    test: GATEWAY_TESTS,
  },
  {
    name: 'a gateway that was taken for dead goes on as before',
    file: GATEWAYS,
    from: "    this.#isRegistered = outcome === 'done' || item !== undefined;",
    to: '    this.#isRegistered = true;',
    test: GATEWAY_TESTS,
  },
  {
    name: 'a gateway does not say that it may have been taken for dead',
    file: GATEWAYS,
    from: '    if (lapsed) this.#onChange({ lapsed });',
    to: '    if (lapsed && this.#count < 0) this.#onChange({ lapsed });',
    test: GATEWAY_TESTS,
  },
];
