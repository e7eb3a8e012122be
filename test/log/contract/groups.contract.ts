import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group, GroupMember } from '../../../lib/group/group.ts';
import type { Store } from '../../../lib/group/group-store.ts';
import { freshName, type OpenStore } from './fresh.ts';

const member = (id: string, changes: Partial<GroupMember> = {}): GroupMember => ({
  id,
  instanceId: null,
  clientId: 'program',
  topics: ['orders', 'payments'],
  pattern: null,
  assignors: ['range', 'cooperative-sticky'],
  sessionMs: 45_000,
  ...changes,
});

/** A group that nobody else uses, with two members, not stored yet. */
export function freshGroup(changes: Partial<Group> = {}): Group {
  const [orders, payments] = [randomUUID(), randomUUID()].sort() as [string, string];
  return {
    name: `${freshName()} ümlaut “quoted” 流`,
    groupId: randomUUID(),
    version: 3,
    kind: 'sdk',
    state: 'active',
    generation: 7,
    assignor: 'range',
    topics: [
      { name: 'orders', topicId: orders, partitionCount: 12 },
      { name: 'payments', topicId: payments, partitionCount: 1 },
    ],
    members: [member('a'), member('b', { instanceId: 'b-1', topics: ['orders'], pattern: '^ord', sessionMs: 10_000 })],
    assignment: new Map([
      [
        'a',
        [0, 1, 2, 5].map((partition) => ({ topicId: orders, partition })).concat({ topicId: payments, partition: 0 }),
      ],
      ['b', [3, 4, 6].map((partition) => ({ topicId: orders, partition }))],
    ]),
    handovers: [
      { partition: { topicId: orders, partition: 3 }, from: 'a', since: 7 },
      { partition: { topicId: orders, partition: 4 }, from: 'a', since: 6 },
    ],
    coordination: null,
    ...changes,
  };
}

/** Registers the tests of the ports `Groups` and `Heartbeats`. */
export function groupsContract(name: string, open: OpenStore): void {
  describe(`the groups of ${name}`, () => {
    let store: Store;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    const stored = async (changes: Partial<Group> = {}): Promise<Group> => {
      const group = freshGroup(changes);
      await store.groups.create(group);
      return group;
    };
    const observed = (group: string) => store.groups.observe(group, { consistent: true });

    describe('create', () => {
      it('stores a group with all its fields', async () => {
        const group = freshGroup();
        expect(await store.groups.create(group)).toEqual({ outcome: 'done', item: group });
        expect(await store.groups.get(group.name)).toEqual(group);
      });

      it.each(['classic', 'consumer'] as const)('stores what a gateway keeps with a %s group', async (kind) => {
        const coordination = {
          gateway: '7@host:9092',
          tenure: randomUUID(),
          state: { phase: '“stable”', members: [] },
        };
        const group = freshGroup({ kind, assignor: 'anything at all', coordination });
        await store.groups.create(group);
        expect(await store.groups.get(group.name)).toEqual(group);
      });

      it('is refused while there is one of that name, whatever its state', async () => {
        for (const state of ['active', 'deleting'] as const) {
          const first = await stored({ state });
          const second = freshGroup({ name: first.name });
          expect(await store.groups.create(second)).toEqual({ outcome: 'refused', item: first });
        }
      });

      it('has one winner when many create the same name', async () => {
        const groupName = freshName();
        const offers = Array.from({ length: 6 }, () => freshGroup({ name: groupName }));
        const answers = await Promise.all(offers.map((group) => store.groups.create(group)));
        expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
        const winner = offers[answers.findIndex(({ outcome }) => outcome === 'done')]!;
        expect(await store.groups.get(groupName)).toEqual(winner);
      });
    });

    describe('update', () => {
      it('replaces a group and counts its version up', async () => {
        const group = await stored();
        const next: Group = {
          ...group,
          generation: 8,
          members: [],
          assignment: new Map(),
          assignor: null,
          handovers: [],
        };
        const item = { ...next, version: group.version + 1 };
        expect(await store.groups.update(next)).toEqual({ outcome: 'done', item });
        expect(await store.groups.get(group.name)).toEqual(item);
      });

      it('is refused for another version, another group of the name, and none', async () => {
        const group = await stored();
        for (const other of [{ version: 2 }, { version: 4 }, { groupId: randomUUID() }]) {
          expect(await store.groups.update({ ...group, ...other, generation: 99 })).toEqual({
            outcome: 'refused',
            item: group,
          });
        }
        expect(await store.groups.update(freshGroup())).toEqual({ outcome: 'refused', item: undefined });
        expect(await store.groups.get(group.name)).toEqual(group);
      });
    });

    describe('remove', () => {
      it('removes a group that is being deleted, and its name from the listing', async () => {
        const group = await stored({ state: 'deleting' });
        expect(await store.groups.list(null, 1000)).toContain(group.name);
        expect(await store.groups.remove(group.name, group.groupId)).toBe(true);
        expect(await store.groups.get(group.name)).toBeNull();
        expect(await store.groups.list(null, 1000)).not.toContain(group.name);
        expect(await store.groups.remove(group.name, group.groupId)).toBe(true);
      });

      it('keeps a group that is active, and another of the name', async () => {
        const active = await stored();
        expect(await store.groups.remove(active.name, active.groupId)).toBe(false);
        const deleting = await stored({ state: 'deleting' });
        expect(await store.groups.remove(deleting.name, randomUUID())).toBe(false);
        expect(await store.groups.get(active.name)).toEqual(active);
        expect(await store.groups.get(deleting.name)).toEqual(deleting);
      });
    });

    it('are listed in the order of their names, above one, at most so many', async () => {
      const prefix = freshName();
      for (const tail of ['c', 'a', 'b']) await stored({ name: `${prefix}${tail}` });
      expect(await store.groups.list(prefix, 2)).toEqual([`${prefix}a`, `${prefix}b`]);
      expect((await store.groups.list(`${prefix}b`, 1000))[0]).toBe(`${prefix}c`);
    });

    describe('heartbeats', () => {
      it('are seen together with their group, and without one', async () => {
        const group = await stored();
        const [a, b] = ['a', 'b'].map((memberId) => ({ memberId, count: 0, generation: 0, atMs: 1_764_000_000_000 }));
        for (const heartbeat of [b!, a!]) await store.heartbeats.put(group.name, heartbeat);
        const seen = await observed(group.name);
        expect(seen.group).toEqual(group);
        expect(seen.heartbeats.toSorted((x, y) => (x.memberId < y.memberId ? -1 : 1))).toEqual([a, b]);
        const nobody = freshName();
        await store.heartbeats.put(nobody, a!);
        expect(await observed(nobody)).toEqual({ group: null, heartbeats: [a] });
        expect(await observed(freshName())).toEqual({ group: null, heartbeats: [] });
      });

      it('beat only upwards, and only while they are there', async () => {
        const group = freshName();
        const first = { memberId: 'm', count: 4, generation: 2, atMs: 5 };
        const beat = (count: number, generation: number) =>
          store.heartbeats.beat(group, 'm', { count, generation, atMs: 6 });
        expect(await beat(1, 1)).toEqual({ outcome: 'refused', item: undefined });
        await store.heartbeats.put(group, first);
        expect(await beat(4, 9)).toEqual({ outcome: 'refused', item: first });
        expect(await beat(5, 3)).toEqual({
          outcome: 'done',
          item: { memberId: 'm', count: 5, generation: 3, atMs: 6 },
        });
        expect(await beat(3, 9)).toMatchObject({ outcome: 'refused' });
        await store.heartbeats.remove(group, 'm');
        await store.heartbeats.remove(group, 'm');
        expect(await beat(6, 9)).toEqual({ outcome: 'refused', item: undefined });
      });
    });
  });
}
