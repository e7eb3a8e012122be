/** Random operations on leases, subscriptions of functions and bells. */
import fc from 'fast-check';
import { freshSubscription } from '../log/contract/function-subscriptions.contract.ts';
import { broken, type Draw, type Ports, partitionAt, place, type World } from './differential-model.ts';

const group = fc.constantFrom(0, 0, 0, 0, 1);
const groupName = (world: World, number: number): string => world.groups[number]![0]!.name;
/** A lease of 0 was released, one of 50 may have run out. */
const expiresAtMs = fc.constantFrom(0, 0, 50, 100);
const owner = fc.constantFrom('a', 'b');

export const takeLease = fc.record({ group, place, delta: fc.constantFrom(-1, 0, 0, 0, 0, 1), owner, expiresAtMs }).map(
  ({ group: number, place: where, delta, owner: worker, expiresAtMs: until }): Draw =>
    async (world, ports) => {
      const [name, partition] = [groupName(world, number), partitionAt(world, where)];
      const [current] = await ports.leases.readMany([{ group: name, partition }]);
      const seen = Math.max(0, (current?.generation ?? 0) + delta);
      const args = { topic: 'orders', owner: worker, seen, nowMs: 50, expiresAtMs: until };
      const clauses = current
        ? { 'same epoch': current.generation === seen, 'free or expired': current.expiresAtMs <= 50 }
        : { 'none was seen': seen === 0 };
      const ask = ({ leases }: Ports) => leases.take(name, partition, args);
      return { operation: 'take lease', broken: broken(clauses), ask };
    },
);

export const updateLease = fc
  .record({
    group,
    place,
    isOwner: fc.constantFrom(true, true, true, true, false),
    epochDelta: fc.constantFrom(-1, 0, 0, 0, 0, 1),
    sequenceDelta: fc.constantFrom(-1, 0, 1, 1, 1, 2),
    committed: fc.constantFrom(null, 0n, 5n, 9n),
    attempts: fc.integer({ min: 0, max: 3 }),
    progress: fc.constantFrom('', '{}'),
    expiresAtMs,
  })
  .map(
    ({ group: number, place: where, isOwner, epochDelta, sequenceDelta, ...rest }): Draw =>
      async (world, ports) => {
        const [name, partition] = [groupName(world, number), partitionAt(world, where)];
        const [current] = await ports.leases.readMany([{ group: name, partition }]);
        const epoch = Math.max(0, (current?.generation ?? 1) + epochDelta);
        const sequence = Math.max(0, (current?.sequence ?? 0) + sequenceDelta);
        const owner = isOwner ? (current?.owner ?? 'nobody') : 'somebody else';
        const goesBack = rest.committed !== null && (current?.committed ?? 0n) > rest.committed;
        const clauses = current
          ? {
              'same owner': current.owner === owner,
              'same epoch': current.generation === epoch,
              'sequence rises': current.sequence < sequence,
              'not back': !goesBack,
            }
          : { 'lease exists': false };
        const args = { ...rest, owner, epoch, sequence, notBeforeMs: 3, atMs: 17 };
        const ask = ({ leases }: Ports) => leases.update(name, partition, args);
        return { operation: 'update lease', broken: broken(clauses), ask };
      },
  );

export const seekLease = fc
  .record({ group, place, delta: fc.constantFrom(-1, 0, 0, 1), committed: fc.constantFrom(0n, 7n) })
  .map(
    ({ group: number, place: where, delta, committed }): Draw =>
      async (world, ports) => {
        const [name, partition] = [groupName(world, number), partitionAt(world, where)];
        const [current] = await ports.leases.readMany([{ group: name, partition }]);
        const seen = Math.max(0, (current?.generation ?? 0) + delta);
        const args = { topic: 'orders', owner: 'administrator', seen, committed, atMs: 19 };
        const clauses = { 'same epoch': (current?.generation ?? 0) === seen };
        const ask = ({ leases }: Ports) => leases.seek(name, partition, args);
        return { operation: 'seek lease', broken: broken(clauses), ask };
      },
  );

const subscriptionAt = (world: World, number: number, target: string) =>
  freshSubscription({ group: groupName(world, number), topicId: world.topics[0]![0].topicId, target });

export const createSubscription = fc.record({ group, target: owner }).map(
  ({ group: number, target }): Draw =>
    async (world, ports) => {
      const subscription = subscriptionAt(world, number, target);
      const existing = await ports.subscriptions.listOfTopic(subscription.topicId);
      const isThere = existing.some((one) => one.group === subscription.group);
      const ask = ({ subscriptions }: Ports) => subscriptions.create(subscription);
      return { operation: 'create subscription', broken: broken({ 'no subscription': !isThere }), ask };
    },
);

export const updateSubscription = fc
  .record({ group, target: owner, delta: fc.constantFrom(-1, 0, 0, 1, 1), remove: fc.constantFrom(false, false, true) })
  .map(
    ({ group: number, target, delta, remove }): Draw =>
      async (world, ports) => {
        const subscription = subscriptionAt(world, number, target);
        const existing = await ports.subscriptions.listOfTopic(subscription.topicId);
        const current = existing.find((one) => one.group === subscription.group);
        if (remove) {
          const ask = ({ subscriptions }: Ports) => subscriptions.remove(subscription);
          return { operation: 'remove subscription', broken: [], ask };
        }
        const version = Math.max(0, (current?.version ?? 0) + delta);
        const clauses = current ? { 'same version': current.version === version } : { 'subscription exists': false };
        const ask = ({ subscriptions }: Ports) => subscriptions.update({ ...subscription, version });
        return { operation: 'update subscription', broken: broken(clauses), ask };
      },
  );

export const createPart = fc.record({ group, target: owner, delta: fc.constantFrom(-1, 0, 0, 0, 1) }).map(
  ({ group: number, target, delta }): Draw =>
    async (world, ports) => {
      const main = subscriptionAt(world, number, target);
      const part = { ...main, group: `${main.group}:part` };
      const existing = await ports.subscriptions.listOfTopic(main.topicId);
      const current = existing.find((one) => one.group === main.group);
      const version = Math.max(0, (current?.version ?? 0) + delta);
      const clauses = {
        'same version of the whole': current?.version === version,
        'no part': !existing.some((one) => one.group === part.group),
      };
      const ask = ({ subscriptions }: Ports) => subscriptions.createPart(part, { ...main, version });
      return { operation: 'create part', broken: broken(clauses), ask };
    },
);

export const listSubscriptions = fc.record({ group, limit: fc.integer({ min: 1, max: 2 }), all: fc.boolean() }).map(
  ({ group: number, limit, all }): Draw =>
    async (world) => {
      const after = all ? null : subscriptionAt(world, number, 'a');
      const ask = ({ subscriptions }: Ports) => subscriptions.list(after, limit);
      return { operation: 'list subscriptions', broken: [], ask };
    },
);

export const ringBell = fc.record({ group, place, stamp: owner }).map(
  ({ group: number, place: where, stamp }): Draw =>
    async (world) => {
      const bell = { group: groupName(world, number), partition: partitionAt(world, where) };
      const ask = async ({ bells }: Ports) => [await bells.ring(bell, stamp), await bells.list()];
      return { operation: 'ring bell', broken: [], ask };
    },
);
