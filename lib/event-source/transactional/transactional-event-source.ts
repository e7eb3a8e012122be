import { offsetKey } from '../../group/group-offset.ts';
import { offsetRange } from '../../group/transactional/transactional-groups.ts';
import type { Change } from '../../log/head-transitions.ts';
import type { Item, ItemKey } from '../../log/item.ts';
import type { Meter } from '../../log/meter.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import type { ItemTransactions } from '../../log/transactional/item-transactions.ts';
import {
  carryOut,
  changeItem,
  type MeteredItems,
  queryItems,
  readItem,
} from '../../log/transactional/metered-transaction.ts';
import { BELLS_PK, bellFromItem, bellKey, bellToItem } from '../bell.ts';
import type { EventSourcePorts } from '../event-source-store.ts';
import {
  type FunctionSubscription,
  SUBSCRIPTIONS_PK,
  subscriptionFromItem,
  subscriptionKey,
  subscriptionRange,
  subscriptionSk,
  subscriptionToItem,
} from '../function-subscription.ts';
import type { Bells, FunctionSubscriptions } from '../function-subscriptions.ts';
import { type Lease, leaseFromItem, leaseToItem } from '../lease.ts';
import { seekLeaseTransition, takeLeaseTransition, updateLeaseTransition } from '../lease-transitions.ts';
import type { Leases } from '../leases.ts';
import {
  createPartTransition,
  createSubscriptionTransition,
  updateSubscriptionTransition,
} from '../subscription-transitions.ts';
import { transactionalLimits } from './transactional-limits.ts';

/** Below and above every sort key. */
const ALL_SKS = { fromSk: '', toSk: '\u{10FFFF}' };
/** More than any listing has. */
const ALL = 1_000_000;

function transactionalLeases(deps: MeteredItems): Leases {
  const changeLease = async (
    group: string,
    partition: PartitionKey,
    transition: (current: Lease | undefined) => Change<Lease>,
  ) => {
    const key = offsetKey(group, partition);
    const codec = { from: (item: Item) => leaseFromItem(key.sk, item), to: leaseToItem };
    return carryOut(deps, key, codec, transition);
  };
  return {
    take: (group, partition, args) =>
      changeLease(group, partition, (current) => takeLeaseTransition(current, partition, args)),
    update: (group, partition, args) =>
      changeLease(group, partition, (current) => updateLeaseTransition(current, args)),
    seek: (group, partition, args) =>
      changeLease(group, partition, (current) => seekLeaseTransition(current, partition, args)),
    async readMany(places) {
      return places.map(({ group, partition }) => {
        const key = offsetKey(group, partition);
        const item = deps.items.read((transaction) => readItem(transaction, deps.meter, key, { consistent: true }));
        return item ? leaseFromItem(key.sk, item) : null;
      });
    },
    async list(group, after, limit) {
      const range = offsetRange(group, after, limit);
      const rows = deps.items.read((transaction) => queryItems(transaction, deps.meter, range, { consistent: false }));
      return rows.map(({ sk, item }) => leaseFromItem(sk, item));
    },
  };
}

function transactionalSubscriptions(deps: MeteredItems): FunctionSubscriptions {
  const { items, meter } = deps;
  const query = (fromSk: string, toSk: string, limit: number) => {
    const range = { pk: SUBSCRIPTIONS_PK, fromSk, toSk, order: 'ascending', limit } as const;
    const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent: true }));
    return rows.map(({ sk, item }) => subscriptionFromItem(sk, item));
  };
  const changeSubscription = async (
    of: FunctionSubscription,
    transition: (current: FunctionSubscription | undefined) => Change<FunctionSubscription>,
  ) => {
    const key = subscriptionKey(of);
    const codec = { from: (item: Item) => subscriptionFromItem(key.sk, item), to: subscriptionToItem };
    return carryOut(deps, key, codec, transition);
  };
  return {
    async get(name) {
      const key = subscriptionKey(name);
      const item = items.read((transaction) => readItem(transaction, meter, key, { consistent: true }));
      return item ? subscriptionFromItem(key.sk, item) : null;
    },
    async listOfTopic(topicId) {
      const { fromSk, toSk } = subscriptionRange(topicId);
      return query(fromSk, toSk, ALL);
    },
    async list(after, limit) {
      return query(after === null ? ALL_SKS.fromSk : `${subscriptionSk(after)}\0`, ALL_SKS.toSk, limit);
    },
    create: (subscription) =>
      changeSubscription(subscription, (current) => createSubscriptionTransition(current, subscription)),
    async createPart(part, of) {
      const [mainKey, partKey] = [subscriptionKey(of), subscriptionKey(part)];
      return items.write((transaction) => {
        const read = (key: ItemKey) => {
          const item = transaction.get(key);
          return item && subscriptionFromItem(key.sk, item);
        };
        const made = createPartTransition({ main: read(mainKey), part: read(partKey) }, of);
        const isDone = made.outcome === 'done';
        const twice = { unitFactor: 2 } as const;
        changeItem(transaction, meter, mainKey, () => (isDone ? subscriptionToItem(made.item) : null), twice);
        changeItem(transaction, meter, partKey, () => (isDone ? subscriptionToItem(part) : null), twice);
        return made.outcome;
      });
    },
    update: (subscription) =>
      changeSubscription(subscription, (current) => updateSubscriptionTransition(current, subscription)),
    async remove(name) {
      items.write((transaction) => changeItem(transaction, meter, subscriptionKey(name), () => 'remove'));
    },
  };
}

function transactionalBells({ items, meter }: MeteredItems): Bells {
  return {
    async ring(bell, stamp, atMs = 0) {
      items.write((transaction) => changeItem(transaction, meter, bellKey(bell), () => bellToItem({ stamp, atMs })));
    },
    async list() {
      const range = { pk: BELLS_PK, ...ALL_SKS, order: 'ascending', limit: ALL } as const;
      const rows = items.read((transaction) => queryItems(transaction, meter, range, { consistent: true }));
      return rows.map(({ sk, item }) => bellFromItem(sk, item));
    },
  };
}

/** The ports of the event source over items with transactions. */
export function transactionalEventSource(items: ItemTransactions, meter: Meter): EventSourcePorts {
  const deps = { items, meter };
  return {
    leases: transactionalLeases(deps),
    subscriptions: transactionalSubscriptions(deps),
    bells: transactionalBells(deps),
    limits: transactionalLimits(deps),
  };
}
