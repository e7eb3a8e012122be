/** Groups change at random, members let go and claim when they come to it: nobody claims what another who is in the group still holds, and in the end everything is held. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AssignorName, assignorNames } from '../../lib/group/assignor.ts';
import { emptyGroup, type Group, type GroupMember, type GroupTopic, partitionText } from '../../lib/group/group.ts';
import { joined, without, withTopics } from '../../lib/group/membership-decisions.ts';
import { hasLetGo } from '../../lib/group/rebalance.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

const step = fc.oneof(
  fc.record({ kind: fc.constant('join' as const), who: fc.constantFrom(...NAMES), topics: fc.constantFrom(1, 2, 3) }),
  fc.record({ kind: fc.constant('leave' as const), who: fc.constantFrom(...NAMES) }),
  fc.record({ kind: fc.constant('grow' as const), topic: fc.nat(1) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('let go' as const), who: fc.constantFrom(...NAMES) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim' as const), who: fc.constantFrom(...NAMES) }) },
);

/** Members as they are: what they hold, and which generation their heartbeat says. */
class World {
  group: Group = emptyGroup('g', '1');
  topics: readonly GroupTopic[] = [
    { name: 'orders', topicId: 'o', partitionCount: 3 },
    { name: 'payments', topicId: 'p', partitionCount: 2 },
  ];
  readonly held = new Map<string, Set<string>>();
  readonly acknowledged = new Map<string, number>();
  readonly #assignor: AssignorName;

  constructor(assignor: AssignorName) {
    this.#assignor = assignor;
  }

  change(next: Group | null): void {
    if (next === null) return;
    expect(next.generation).toBeGreaterThan(this.group.generation);
    const assigned = [...next.assignment.values()].flat().map(partitionText);
    expect(new Set(assigned).size).toBe(assigned.length);
    const wanted = new Set(next.members.flatMap(({ topics }) => topics));
    const all = this.topics.filter(({ name }) => wanted.has(name)).reduce((sum, one) => sum + one.partitionCount, 0);
    expect(assigned).toHaveLength(all);
    this.group = next;
  }

  get #surroundings() {
    const wanted = new Set(this.group.members.flatMap(({ topics }) => topics));
    return { topics: this.topics.filter(({ name }) => wanted.has(name)), acknowledged: this.acknowledged };
  }

  join(who: Name, mask: number): void {
    const topics = ['orders', 'payments'].filter((_, index) => (mask & (1 << index)) !== 0);
    const common = { instanceId: null, clientId: who, pattern: null, sessionMs: 1, assignors: [this.#assignor] };
    const member: GroupMember = { id: who, topics, ...common };
    const wanted = new Set([...this.group.members.flatMap((one) => one.topics), ...topics]);
    this.held.set(who, this.held.get(who) ?? new Set());
    const next = joined(this.group, member, {
      topics: this.topics.filter(({ name }) => wanted.has(name)),
      acknowledged: this.acknowledged,
    });
    this.change(next);
  }

  /** Also of one that was taken for dead. A new life begins under a new id in truth; here the name is free again. */
  leave(who: Name): void {
    const next = without(this.group, new Set([who]), this.#surroundings);
    this.change(next);
    if (next === null) return;
    this.held.delete(who);
    this.acknowledged.delete(who);
  }

  grow(index: number): void {
    this.topics = this.topics.map((topic, at) =>
      at === index ? { ...topic, partitionCount: topic.partitionCount + 1 } : topic,
    );
    this.change(withTopics(this.group, this.#surroundings));
  }

  letGo(who: string): void {
    const held = this.held.get(who);
    if (held === undefined) return;
    const assigned = new Set((this.group.assignment.get(who) ?? []).map(partitionText));
    for (const one of held) if (!assigned.has(one)) held.delete(one);
    this.acknowledged.set(who, this.group.generation);
  }

  claim(who: string): void {
    const held = this.held.get(who);
    if (held === undefined) return;
    // A member lets go of what it has lost before it claims anything.
    this.letGo(who);
    for (const partition of this.group.assignment.get(who) ?? []) {
      const text = partitionText(partition);
      const isOpen = this.group.handovers.some(
        (one) => partitionText(one.partition) === text && this.held.has(one.from) && !hasLetGo(one, this.acknowledged),
      );
      if (isOpen) continue;
      for (const [other, theirs] of this.held) if (other !== who) expect(theirs.has(text)).toBe(false);
      held.add(text);
    }
  }
}

describe('rebalances', () => {
  it.each(assignorNames)('by %s never let two members hold a partition, and leave none behind', (assignor) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), (steps) => {
        const world = new World(assignor);
        for (const one of steps) {
          if (one.kind === 'join') world.join(one.who, one.topics);
          else if (one.kind === 'leave') world.leave(one.who);
          else if (one.kind === 'grow') world.grow(one.topic);
          else if (one.kind === 'let go') world.letGo(one.who);
          else world.claim(one.who);
        }
        for (const { id } of world.group.members) world.letGo(id);
        for (const { id } of world.group.members) world.claim(id);
        for (const { id } of world.group.members) {
          const assigned = (world.group.assignment.get(id) ?? []).map(partitionText);
          expect([...world.held.get(id)!].sort()).toEqual(assigned.sort());
        }
      }),
      { numRuns: 300 },
    );
  });
});
