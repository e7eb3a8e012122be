import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AssignorName, assignorNames, assignorOf } from '../../lib/group/assignor.ts';
import type { AssignorMember, TopicPartitionNumber } from '../../lib/group/assignor-input.ts';

const TOPICS = ['a', 'b', 'c', 'd'];

interface Case {
  readonly members: readonly AssignorMember[];
  readonly counts: ReadonlyMap<string, number>;
}

const counts = fc
  .array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 })
  .map((numbers) => new Map(TOPICS.flatMap((topic, index) => (numbers[index]! > 0 ? [[topic, numbers[index]!]] : []))));
const member = (topics: fc.Arbitrary<readonly string[]>) =>
  fc.record({
    id: fc.integer({ min: 0, max: 99 }).map((n) => `m${n}`),
    instanceId: fc.option(fc.integer({ min: 0, max: 99 }).map((n) => `i${n}`)),
    topics,
    owned: fc.constant<readonly TopicPartitionNumber[]>([]),
  });
const members = (topics: fc.Arbitrary<readonly string[]>) =>
  fc.uniqueArray(member(topics), {
    minLength: 1,
    maxLength: 8,
    comparator: (x, y) => x.id === y.id || (x.instanceId !== null && x.instanceId === y.instanceId),
  });
const anyCase: fc.Arbitrary<Case> = fc.record({ members: members(fc.subarray(TOPICS, { minLength: 1 })), counts });
const equalCase: fc.Arbitrary<Case> = fc.record({ members: members(fc.constant(TOPICS)), counts });

const share = (name: AssignorName, { members: list, counts: by }: Case) => assignorOf(name)(list, by);
const text = ({ topic, partition }: TopicPartitionNumber) => `${topic}/${partition}`;
const sizes = (shares: ReturnType<typeof share>) => [...shares.values()].map(({ length }) => length);
const owning = (list: readonly AssignorMember[], shares: ReturnType<typeof share>) =>
  list.map((one) => ({ ...one, owned: shares.get(one.id) ?? [] }));
const movedFrom = (list: readonly AssignorMember[], shares: ReturnType<typeof share>) =>
  list.flatMap(({ id, owned }) => owned.map(text).filter((one) => !shares.get(id)!.map(text).includes(one)));

describe.each(assignorNames)('the assignor %s', (name) => {
  it('gives every partition of a topic that somebody wants to exactly one who wants it', () => {
    fc.assert(
      fc.property(anyCase, (one) => {
        const shares = share(name, one);
        expect([...shares.keys()].sort()).toEqual(one.members.map(({ id }) => id).sort());
        for (const { id, topics } of one.members) {
          for (const { topic } of shares.get(id)!) expect(topics).toContain(topic);
        }
        const wanted = [...one.counts].filter(([topic]) => one.members.some(({ topics }) => topics.includes(topic)));
        const all = wanted.flatMap(([topic, count]) => Array.from({ length: count }, (_, p) => `${topic}/${p}`));
        expect([...shares.values()].flat().map(text).sort()).toEqual(all.sort());
      }),
    );
  });

  it('does not care for the order of the members', () => {
    fc.assert(
      fc.property(anyCase, (one) => {
        const turned = { ...one, members: one.members.toReversed() };
        expect(new Map([...share(name, turned)].sort())).toEqual(new Map([...share(name, one)].sort()));
      }),
    );
  });
});

describe('the sticky assignor', () => {
  it('is even to one partition when all want the same', () => {
    fc.assert(
      fc.property(equalCase, (one) => {
        const loads = sizes(share('sticky', one));
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('leaves no chain of members along which load could be evened out', () => {
    fc.assert(
      fc.property(anyCase, (one) => {
        const shares = share('sticky', one);
        const load = (id: string) => shares.get(id)!.length;
        for (const { id } of one.members) {
          const reach = new Set([id]);
          for (const from of reach) {
            const topics = new Set(shares.get(from)!.map(({ topic }) => topic));
            for (const other of one.members) if (other.topics.some((topic) => topics.has(topic))) reach.add(other.id);
          }
          for (const other of reach) expect(load(other)).toBeGreaterThanOrEqual(load(id) - 1);
        }
      }),
    );
  });

  it('moves nothing when nothing has changed', () => {
    fc.assert(
      fc.property(anyCase, (one) => {
        const shares = share('sticky', one);
        const again = share('sticky', { ...one, members: owning(one.members, shares) });
        expect(movedFrom(owning(one.members, shares), again)).toEqual([]);
      }),
    );
  });

  it('moves nothing of those who stay when a member leaves, and all want the same', () => {
    fc.assert(
      fc.property(equalCase, ({ members: list, counts: by }) => {
        const [gone, ...others] = owning(list, share('sticky', { members: list, counts: by }));
        if (gone === undefined || others.length === 0) return;
        expect(movedFrom(others, share('sticky', { members: others, counts: by }))).toEqual([]);
      }),
    );
  });

  it('moves only what a new member gets, when all want the same', () => {
    fc.assert(
      fc.property(equalCase, ({ members: list, counts: by }) => {
        const before = owning(list, share('sticky', { members: list, counts: by }));
        const newcomer: AssignorMember = { id: 'new', instanceId: null, topics: TOPICS, owned: [] };
        const shares = share('sticky', { members: [...before, newcomer], counts: by });
        expect(movedFrom(before, shares).sort()).toEqual(shares.get('new')!.map(text).sort());
      }),
    );
  });

  it('shares ten thousand partitions among a thousand members', () => {
    const list = Array.from({ length: 1000 }, (_, n): AssignorMember => {
      return { id: `m${n}`, instanceId: null, topics: ['a', 'b'].slice(0, 1 + (n % 2)), owned: [] };
    });
    const loads = sizes(
      share('sticky', {
        members: list,
        counts: new Map([
          ['a', 2000],
          ['b', 8000],
        ]),
      }),
    );
    expect(loads.reduce((sum, load) => sum + load, 0)).toBe(10_000);
    // Half of them want `a` only, which has four for each of these.
    expect([Math.min(...loads), Math.max(...loads)]).toEqual([4, 16]);
  });
});
