/** The store as processes of a simulated event source see it: requests of the event source go their way with its faults, and the oracle sees what they do. The log itself is read without faults, but not at once. */
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import type { EventSourceOracle } from './event-source-oracle.ts';

/** Told of every bell that is rung, and of subscriptions that are made. */
export interface StoreWatch {
  onBell(bell: { readonly group: string; readonly partition: PartitionKey }): void;
  onCreated(subscription: FunctionSubscription): void;
  onRemoved(group: string): void;
}

/** What the oracle calls a subscription and a partition. */
export function truthKey(group: string, partition: PartitionKey): string {
  return `${group} ${partitionPk(partition)}`;
}

/** Connects processes to one store. */
export class EventSourceNetwork {
  readonly #base: EventSourceStore;
  readonly #way: RequestWay;
  readonly #oracle: EventSourceOracle;
  readonly #watch: StoreWatch;

  constructor(parts: { base: EventSourceStore; way: RequestWay; oracle: EventSourceOracle; watch: StoreWatch }) {
    this.#base = parts.base;
    this.#way = parts.way;
    this.#oracle = parts.oracle;
    this.#watch = parts.watch;
  }

  /** The store as a process sees it. */
  connect(process: MemberProcess): EventSourceStore {
    const base = this.#base;
    const oracle = this.#oracle;
    const ask = <T>(name: string, effect: () => Promise<T>) => this.#way.send(process, { name, effect });
    const calmly = <P extends object>(port: P): P =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return (...args: unknown[]) => this.#way.sendCalmly(process, () => Reflect.apply(method, target, args));
        },
      });
    const { leases, subscriptions, bells, heads, limits, offsets } = base;
    return {
      ...base,
      topics: calmly(base.topics),
      chunks: calmly(base.chunks),
      objects: calmly(base.objects),
      groups: calmly(base.groups),
      offsets: {
        ...offsets,
        remove: (group, partition) =>
          ask(`forget ${group}/${partition.partition}`, async () => {
            await offsets.remove(group, partition);
            oracle.onForgotten(truthKey(group, partition));
          }),
      },
      heads: {
        ...heads,
        read: (partition, options) => ask(`read head ${partition.partition}`, () => heads.read(partition, options)),
        readMany: (partitions, options) => ask('read heads', () => heads.readMany(partitions, options)),
      },
      leases: {
        take: (group, partition, args) =>
          ask(`take ${group}/${partition.partition} e${args.seen}`, async () => {
            const result = await leases.take(group, partition, args);
            if (result.outcome === 'done') oracle.onTake(truthKey(group, partition), result.item);
            return result;
          }),
        update: (group, partition, args) =>
          ask(`update ${group}/${partition.partition} e${args.epoch}#${args.sequence} ${args.committed}`, async () => {
            const result = await leases.update(group, partition, args);
            if (result.outcome === 'done') oracle.onUpdate(truthKey(group, partition), result.item);
            return result;
          }),
        seek: (group, partition, args) =>
          ask(`seek ${group}/${partition.partition} ${args.committed}`, async () => {
            const result = await leases.seek(group, partition, args);
            if (result.outcome === 'done') oracle.onSeek(truthKey(group, partition), result.item);
            return result;
          }),
        readMany: (places) => ask('read leases', () => leases.readMany(places)),
        list: (group, after, limit) => ask(`list leases of ${group}`, () => leases.list(group, after, limit)),
      },
      subscriptions: {
        ...subscriptions,
        get: (name) => ask('get subscription', () => subscriptions.get(name)),
        listOfTopic: (topicId) => ask('list subscriptions of a topic', () => subscriptions.listOfTopic(topicId)),
        list: (after, limit) => ask('list subscriptions', () => subscriptions.list(after, limit)),
        update: (subscription) => ask('update subscription', () => subscriptions.update(subscription)),
        createPart: (part, of) =>
          ask(`create ${part.group} of ${of.group} v${of.version}`, async () => {
            const outcome = await subscriptions.createPart(part, of);
            if (outcome === 'done') this.#watch.onCreated(part);
            return outcome;
          }),
        remove: (subscription) =>
          ask(`remove ${subscription.group}`, async () => {
            await subscriptions.remove(subscription);
            this.#watch.onRemoved(subscription.group);
          }),
      },
      bells: {
        ...bells,
        ring: (bell, stamp) =>
          ask(`ring ${bell.group}/${bell.partition.partition}`, async () => {
            await bells.ring(bell, stamp);
            this.#watch.onBell(bell);
          }),
      },
      limits: {
        readSlots: (group, shard) => ask(`read slots ${group}`, () => limits.readSlots(group, shard)),
        replaceSlots: (group, shard, args) =>
          ask(`replace slots ${group}`, async () => {
            const result = await limits.replaceSlots(group, shard, args);
            if (result.outcome === 'done') oracle.limits.onSlots(process, [group, shard], result.item);
            return result;
          }),
        reserve: (group, rate, args) =>
          ask(`reserve ${args.costUs} of ${group}`, () => limits.reserve(group, rate, args)),
        remove: (group) =>
          ask(`remove limits ${group}`, async () => {
            await limits.remove(group);
            oracle.limits.onRemoved(group);
          }),
      },
      close: async () => {},
    };
  }
}
