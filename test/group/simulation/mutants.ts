/** Rules of the group protocol taken away one by one; see `test/log/simulation/mutants.ts`. */
import type { Mutant } from '../../log/simulation/mutants.ts';

const TRANSITIONS = 'lib/group/group-transitions.ts';
const HOLDER = 'lib/group/partition-holder.ts';
const REBALANCE = 'lib/group/rebalance.ts';
const MEMBERSHIP = 'lib/group/membership.ts';
const PARTITIONS = 'lib/client/consumer-partitions.ts';
const HOLDER_TESTS = 'test/group/partition-holder.test.ts';
const GROUP_TESTS = 'test/client/consumer-group.test.ts';

export const groupMutants: readonly Mutant[] = [
  {
    name: 'claim without the generation',
    file: TRANSITIONS,
    from: 'if (current && current.generation >= generation) return',
    to: 'if (current && current.generation > generation + 1_000_000) return',
  },
  {
    name: 'claim under the same generation',
    file: TRANSITIONS,
    from: 'if (current && current.generation >= generation) return',
    to: 'if (current && current.generation > generation) return',
  },
  {
    name: 'commit under any generation',
    file: TRANSITIONS,
    from: 'const isOwner = current?.generation === generation;',
    to: 'const isOwner = current !== undefined;',
  },
  {
    name: 'commit without its number',
    file: TRANSITIONS,
    from: 'if (!isOwner || current.sequence >= sequence)',
    to: 'if (!isOwner)',
  },
  {
    name: 'a number stands for several commits',
    file: 'lib/group/offset-committer.ts',
    from: 'lane.sequence += 1;',
    to: 'lane.sequence += lane.sequence === 0 ? 1 : 0;',
    test: 'test/group/offset-committer.test.ts',
  },
  {
    name: 'commits of a partition overlap',
    file: 'lib/group/offset-committer.ts',
    from: 'if (!lane.isSending) void',
    to: 'void',
    test: 'test/group/offset-committer.test.ts',
  },
  {
    name: 'a group is written over another version',
    file: TRANSITIONS,
    from: 'current && current.groupId === next.groupId && current.version === next.version;',
    to: 'current && current.groupId === next.groupId;',
  },
  {
    name: 'a beat may be late',
    file: TRANSITIONS,
    from: 'if (!current || current.count >= args.count)',
    to: 'if (!current)',
    test: 'test/group/group-transitions.test.ts',
  },
  {
    name: 'a new owner does not wait for the old one',
    file: HOLDER,
    from: 'return missing.filter(({ partition }) => !waitedFor.has(partitionText(partition)));',
    to: 'return waitedFor.size < 0 ? [] : missing;',
  },
  {
    name: 'it lets go before the loop has',
    file: HOLDER,
    from: 'if (leaving.length > 0) await this.#listener.revoke(leaving);',
    to: 'if (leaving.length > 0) void this.#listener.revoke(leaving);',
  },
  {
    name: 'it says that it has let go before it has',
    file: HOLDER,
    from: 'const assigned = new Set(',
    to: 'this.generation = Math.max(this.generation, group.generation);\n    const assigned = new Set(',
  },
  {
    name: 'a claim goes by what others know to be old',
    file: HOLDER,
    from: 'if (isOutdated) return',
    to: 'if (isOutdated && free.length < 0) return',
    test: HOLDER_TESTS,
  },
  {
    name: 'a claim that came too late for its member counts',
    file: HOLDER,
    from: 'if (memberId !== this.#memberId) return;\n    for (const one of owned)',
    to: 'for (const one of owned)',
    test: HOLDER_TESTS,
  },
  {
    name: 'handovers are forgotten at the next rebalance',
    file: REBALANCE,
    from: 'return [...before.filter((one) => !lostNow.has(text(one))), ...lost];',
    to: 'return before.length < 0 ? lostNow.size === 0 ? before : [] : lost;',
  },
  {
    name: 'nobody has to hand over',
    file: REBALANCE,
    from: '({ partition, from, since: generation })).filter(isOpen),',
    to: '({ partition, from, since: generation })).filter((one) => isOpen(one) && one.since < 0),',
  },
  {
    name: 'letting go of an earlier generation is enough',
    file: REBALANCE,
    from: 'return (acknowledged.get(from) ?? -1) >= since;',
    to: 'return (acknowledged.get(from) ?? -1) >= since - 1;',
  },
  {
    name: 'a rebalance does not raise the generation',
    file: REBALANCE,
    from: 'const generation = group.generation + 1;',
    to: 'const generation = Math.max(1, group.generation);',
  },
  {
    name: 'the dead are taken out without silence',
    file: 'lib/group/silence.ts',
    from: 'this.#lengthMs(id, nowMs) > sessionMs)',
    to: 'this.#lengthMs(id, nowMs) > sessionMs / 8)',
  },
  {
    name: 'time in which the observer was blind counts as silence',
    file: 'lib/group/silence.ts',
    from: 'const uncountedMs = gapMs > this.blindMs ? gapMs : 0;',
    to: 'const uncountedMs = gapMs > this.blindMs * 1e6 ? gapMs : 0;',
    test: 'test/group/silence.test.ts',
  },
  {
    name: 'silence is believed at a first, old look',
    file: MEMBERSHIP,
    from: 'const now = await this.#observe(true);\n      if (!this.#isNews(now)) return;',
    to: 'const now = observed;',
    test: 'test/group/membership.test.ts',
  },
  {
    name: 'who was found dead is taken out however long ago that was',
    file: MEMBERSHIP,
    from: 'const untilMs = askedMs + this.#silence.blindMs;',
    to: 'const untilMs = askedMs + this.#silence.blindMs * 1e6;',
    test: 'test/group/membership.test.ts',
  },
  {
    name: 'the dead stay',
    file: MEMBERSHIP,
    from: 'if (dead.length > 0) await removeMembers(',
    to: 'if (dead.length > 1_000) await removeMembers(',
  },
  {
    name: 'a member does not count its own session',
    file: 'lib/group/pulse.ts',
    from: 'this.#sentMs > this.#options.sessionTimeoutMs;',
    to: 'this.#sentMs > 1e9 * this.#options.sessionTimeoutMs;',
    test: GROUP_TESTS,
  },
  {
    name: 'a session counts from the answer',
    file: 'lib/group/pulse.ts',
    from: "if (outcome === 'done') this.#answered(sentMs, generation);",
    to: "if (outcome === 'done') this.#answered(clock.monotonicMs(), generation);",
    test: 'test/group/pulse.test.ts',
  },
  {
    name: 'one who is not in the group any more does not notice',
    file: MEMBERSHIP,
    from: 'return isNewer && group.members.some(({ id }) => id === this.#me?.id);',
    to: 'return isNewer;',
    test: 'test/group/membership.test.ts',
  },
  {
    name: 'an old state of the group counts as news',
    file: MEMBERSHIP,
    from: 'group.version >= this.#group.version);',
    to: 'group.version >= 0);',
  },
  {
    name: 'a heartbeat that was swept away is not written again',
    file: MEMBERSHIP,
    from: 'if (isHeartless) await this.#pulse.restore(',
    to: 'if (isHeartless && heartbeats.length > 1_000) await this.#pulse.restore(',
    test: 'test/group/membership.test.ts',
  },
  {
    name: 'the group stays below a generation that was found',
    file: MEMBERSHIP,
    from: 'const changed = await raiseGeneration(this.#context(), claimedAbove);',
    to: 'const changed = claimedAbove < 0 ? await raiseGeneration(this.#context(), claimedAbove) : null;',
    test: GROUP_TESTS,
  },
  {
    name: 'a record in hand does not hold a partition back',
    file: PARTITIONS,
    from: 'while (this.#isWorking && isWanted()) {',
    to: 'while (this.#isWorking && isWanted() && this.#givenOffset < 0n) {',
  },
  {
    name: 'the loop goes on while a listener is called',
    file: 'lib/client/consumer.ts',
    from: 'if (this.#partitions.turn !== null) return',
    to: 'if (this.#partitions.turn !== null && this.#records < 0) return',
    test: GROUP_TESTS,
  },
  {
    name: 'a partition on its way out is still given out',
    file: PARTITIONS,
    from: '      this.#leaving.set(holding.owned, holding);\n    }\n    this.#show();',
    to: '      this.#leaving.set(holding.owned, holding);\n    }',
  },
  {
    name: 'a lost partition is still given out',
    file: PARTITIONS,
    from: '      this.#leaving.delete(one);\n    }\n    this.#show();',
    to: '      this.#leaving.delete(one);\n    }',
  },
  {
    name: 'the record in hand counts as processed',
    file: PARTITIONS,
    from: 'if (this.#given !== read) return read.position;',
    to: 'if (this.#given !== read || this.#givenOffset >= 0n) return read.position;',
  },
  {
    name: 'a loop that was left has processed what it had',
    file: PARTITIONS,
    from: "if (how === 'asked') this.#given = null;",
    to: 'if (how !== null) this.#given = null;',
    test: 'test/client/consumer.test.ts',
  },
  {
    name: 'a consumer goes on at the beginning whatever was committed',
    file: PARTITIONS,
    from: 'const start = committed ?? (await',
    to: 'const start = (committed === null ? null : committed - committed) ?? (await',
    test: 'test/client/consumer.test.ts',
  },
  {
    name: 'a consumer goes on one record too far',
    file: PARTITIONS,
    from: 'const start = committed ?? (await',
    to: 'const start = (committed === null ? null : committed + 1n) ?? (await',
  },
  {
    name: 'a seek does not raise the generation',
    file: 'lib/group/seek-group.ts',
    from: 'generation = raised.generation;\n    return raised;',
    to: 'generation = group.generation;\n    return null;',
    test: 'test/group/group-admin.test.ts',
  },
  {
    name: 'latest is the end when somebody comes to read',
    file: 'lib/group/group-start.ts',
    from: "if (reset === 'earliest' || reset === 'none') return;",
    to: 'if (reset !== null) return;',
    test: 'test/client/consumer.test.ts',
  },
];
