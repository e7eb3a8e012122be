/** Random operations on groups, heartbeats and committed offsets. */
import fc from 'fast-check';
import type { Group, GroupState } from '../../lib/group/group.ts';
import { broken, type Draw, type Ports, partitionAt, place, type World } from './differential-model.ts';

const which = fc.record({ group: fc.constantFrom(0, 0, 1), version: fc.constantFrom(0, 0, 1) });
const groupAt = (world: World, { group, version }: { group: number; version: number }): Group =>
  world.groups[group]![version]!;
const state = fc.constantFrom<GroupState>('active', 'deleting', 'deleting');
const memberId = fc.constantFrom('a', 'a', 'b');

export const createGroup = fc.record({ at: which, state }).map(
  (choice): Draw =>
    async (world, ports) => {
      const group = { ...groupAt(world, choice.at), state: choice.state };
      const existing = await ports.groups.get(group.name);
      const ask = ({ groups }: Ports) => groups.create(group);
      return { operation: 'create group', broken: broken({ 'no group': existing === null }), ask };
    },
);

export const updateGroup = fc
  .record({
    at: which,
    state,
    versionDelta: fc.constantFrom(-1, 0, 0, 1),
    sameId: fc.constantFrom(true, true, false),
    generation: fc.integer({ min: 0, max: 5 }),
  })
  .map(
    ({ at, state: next, versionDelta, sameId, generation }): Draw =>
      async (world, ports) => {
        const current = await ports.groups.get(groupAt(world, at).name);
        const base = current ?? groupAt(world, at);
        const other = world.groups[at.group]!.find(({ groupId }) => groupId !== base.groupId)!;
        const version = Math.max(0, base.version + versionDelta);
        const group: Group = {
          ...base,
          ...(!sameId && { groupId: other.groupId }),
          version,
          state: next,
          generation,
        };
        const clauses = current
          ? { 'same group': group.groupId === current.groupId, 'same version': group.version === current.version }
          : { 'group exists': false };
        return { operation: 'update group', broken: broken(clauses), ask: ({ groups }) => groups.update(group) };
      },
  );

export const removeGroup = which.map(
  (at): Draw =>
    async (world, ports) => {
      const { name, groupId } = groupAt(world, at);
      const current = await ports.groups.get(name);
      const clauses = current
        ? { 'same group': current.groupId === groupId, 'being deleted': current.state === 'deleting' }
        : {};
      return { operation: 'remove group', broken: broken(clauses), ask: ({ groups }) => groups.remove(name, groupId) };
    },
);

export const lookAtGroup = fc.record({ at: which, consistent: fc.boolean() }).map(
  ({ at, consistent }): Draw =>
    async (world) => {
      const { name } = groupAt(world, at);
      const ask = async ({ groups }: Ports) => [await groups.observe(name, { consistent }), await groups.list(null, 9)];
      return { operation: 'look at group', broken: [], ask };
    },
);

export const putHeartbeat = fc.record({ at: which, memberId, count: fc.integer({ min: 0, max: 4 }) }).map(
  ({ at, memberId: id, count }): Draw =>
    async (world) => {
      const { name } = groupAt(world, at);
      const heartbeat = { memberId: id, count, generation: count, atMs: 7 };
      return { operation: 'put heartbeat', broken: [], ask: ({ heartbeats }) => heartbeats.put(name, heartbeat) };
    },
);

export const beat = fc.record({ at: which, memberId, delta: fc.integer({ min: -1, max: 2 }) }).map(
  ({ at, memberId: id, delta }): Draw =>
    async (world, ports) => {
      const { name } = groupAt(world, at);
      const { heartbeats: seen } = await ports.groups.observe(name, { consistent: true });
      const current = seen.find((one) => one.memberId === id);
      const args = { count: Math.max(0, (current?.count ?? 1) + delta), generation: 3, atMs: 9 };
      const clauses = current ? { 'count rises': current.count < args.count } : { 'heartbeat exists': false };
      return { operation: 'beat', broken: broken(clauses), ask: ({ heartbeats }) => heartbeats.beat(name, id, args) };
    },
);

export const removeHeartbeat = fc.record({ at: which, memberId }).map(
  ({ at, memberId: id }): Draw =>
    async (world) => {
      const { name } = groupAt(world, at);
      return { operation: 'remove heartbeat', broken: [], ask: ({ heartbeats }) => heartbeats.remove(name, id) };
    },
);

export const claim = fc
  .record({
    at: which,
    place,
    delta: fc.integer({ min: -1, max: 2 }),
    committed: fc.constantFrom(null, null, 0n, 9n),
    owner: memberId,
  })
  .map(
    ({ at, place: where, delta, committed, owner }): Draw =>
      async (world, ports) => {
        const [{ name }, partition] = [groupAt(world, at), partitionAt(world, where)];
        const [current] = await ports.offsets.readMany(name, [partition]);
        const generation = Math.max(0, (current?.generation ?? 1) + delta);
        const args = { topic: 'orders', generation, owner, committed, atMs: 11 };
        const clauses = current ? { 'generation rises': current.generation < generation } : {};
        const ask = ({ offsets }: Ports) => offsets.claim(name, partition, args);
        return { operation: 'claim', broken: broken(clauses), ask };
      },
  );

export const commitOffset = fc
  .record({
    at: which,
    place,
    generationDelta: fc.constantFrom(-1, 0, 0, 0, 1),
    sequenceDelta: fc.integer({ min: -1, max: 2 }),
    offset: fc.constantFrom(null, 0n, 5n, 2n ** 63n - 1n),
    metadata: fc.constantFrom('', 'note'),
  })
  .map(
    ({ at, place: where, generationDelta, sequenceDelta, offset, metadata }): Draw =>
      async (world, ports) => {
        const [{ name }, partition] = [groupAt(world, at), partitionAt(world, where)];
        const [current] = await ports.offsets.readMany(name, [partition]);
        const generation = Math.max(0, (current?.generation ?? 1) + generationDelta);
        const sequence = Math.max(0, (current?.sequence ?? 1) + sequenceDelta);
        const clauses = current
          ? { 'same generation': current.generation === generation, 'sequence rises': current.sequence < sequence }
          : { 'offset exists': false };
        const args = { generation, sequence, offset, metadata, atMs: 13 };
        const ask = ({ offsets }: Ports) => offsets.commit(name, partition, args);
        return { operation: 'commit offset', broken: broken(clauses), ask };
      },
  );

export const listOffsets = fc
  .record({ at: which, place, limit: fc.integer({ min: 1, max: 3 }), all: fc.boolean() })
  .map(
    ({ at, place: where, limit, all }): Draw =>
      async (world) => {
        const [{ name }, partition] = [groupAt(world, at), partitionAt(world, where)];
        const ask = ({ offsets }: Ports) => offsets.list(name, all ? null : partition, limit);
        return { operation: 'list offsets', broken: [], ask };
      },
  );

export const removeOffset = fc.record({ at: which, place }).map(
  ({ at, place: where }): Draw =>
    async (world) => {
      const [{ name }, partition] = [groupAt(world, at), partitionAt(world, where)];
      return { operation: 'remove offset', broken: [], ask: ({ offsets }) => offsets.remove(name, partition) };
    },
);
