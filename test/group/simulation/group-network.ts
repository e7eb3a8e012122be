/** The store as members of a simulated group see it: requests about groups go their way with its faults, and the oracle sees what they do. The log itself is read without faults, but not at once. */

import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import type { Group } from '../../../lib/group/group.ts';
import type { GroupOffset } from '../../../lib/group/group-offset.ts';
import type { GroupStore } from '../../../lib/group/group-store.ts';
import type { ObservedGroup } from '../../../lib/group/groups.ts';
import type { Dice, Process, VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import type { Witness } from './group-oracle.ts';

/** Told of every change of a group when it takes effect. */
export interface GroupWatch {
  onGroup(group: Group, by: Witness, isLate: boolean): void;
  onBeat(memberId: string): void;
  onClaim(partition: number, after: GroupOffset): void;
  onCommit(
    partition: number,
    args: { readonly generation: number; readonly sequence: number; readonly offset: bigint | null },
  ): void;
}

/** Connects processes to one store. */
export class GroupNetwork {
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #base: DelayStore;
  readonly #watch: GroupWatch;
  readonly #way: RequestWay;
  /** What eventually consistent looks may still show. */
  readonly #past: { readonly atMs: number; readonly name: string; readonly seen: ObservedGroup }[] = [];

  constructor(parts: { time: VirtualTime; dice: Dice; base: DelayStore; watch: GroupWatch; way: RequestWay }) {
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#base = parts.base;
    this.#watch = parts.watch;
    this.#way = parts.way;
  }

  /** The store as a process sees it. */
  connect(process: Process, witness: Witness): DelayStore {
    const calmly = <P extends object>(port: P): P =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return (...args: unknown[]) => this.#way.sendCalmly(process, () => Reflect.apply(method, target, args));
        },
      });
    return {
      ...this.#base,
      topics: calmly(this.#base.topics),
      heads: calmly(this.#base.heads),
      chunks: calmly(this.#base.chunks),
      objects: calmly(this.#base.objects),
      close: async () => {},
      ...this.connectGroups(process, witness),
    };
  }

  /** Only what is about groups. */
  connectGroups(process: Process, witness: Witness): GroupStore {
    const { groups, heartbeats, offsets } = this.#base;
    const watch = this.#watch;
    const ask = <T>(name: string, effect: (isLate: boolean) => Promise<T>) =>
      this.#way.send(process, { name, effect: ({ isLate }) => effect(isLate) });
    return {
      groups: {
        ...groups,
        get: (name) => ask('get group', () => groups.get(name)),
        list: (after, limit) => ask('list', () => groups.list(after, limit)),
        observe: (name, { consistent }) =>
          ask(`observe${consistent ? '!' : ''}`, () => this.#observe(name, consistent)),
        create: (group) =>
          ask(`create v${group.version}`, async (isLate) => {
            const result = await groups.create(group);
            if (result.outcome === 'done') watch.onGroup(result.item, witness, isLate);
            return this.#changed(group.name, result);
          }),
        update: (group) =>
          ask(
            `update v${group.version} g${group.generation} of ${group.members.map(({ id }) => id.slice(0, 5)).join()}`,
            async (isLate) => {
              const result = await groups.update(group);
              if (result.outcome === 'done') watch.onGroup(result.item, witness, isLate);
              return this.#changed(group.name, result);
            },
          ),
        remove: (name, groupId) => ask('remove group', () => groups.remove(name, groupId)),
      },
      heartbeats: {
        put: (group, heartbeat) =>
          ask('put heartbeat', async () => {
            watch.onBeat(heartbeat.memberId);
            return this.#changed(group, await heartbeats.put(group, heartbeat));
          }),
        beat: (group, id, args) =>
          ask(`beat ${args.count} g${args.generation}`, async () => {
            const result = await heartbeats.beat(group, id, args);
            if (result.outcome === 'done') watch.onBeat(id);
            return this.#changed(group, result);
          }),
        remove: (group, id) =>
          ask('remove heartbeat', async () => this.#changed(group, await heartbeats.remove(group, id))),
      },
      offsets: {
        ...offsets,
        claim: (group, partition, args) =>
          ask(`claim ${partition.partition} g${args.generation}`, async () => {
            const result = await offsets.claim(group, partition, args);
            if (result.outcome === 'done') watch.onClaim(partition.partition, result.item);
            return result;
          }),
        commit: (group, partition, args) =>
          ask(`commit ${partition.partition} g${args.generation} #${args.sequence} ${args.offset}`, async () => {
            const result = await offsets.commit(group, partition, args);
            if (result.outcome === 'done') watch.onCommit(partition.partition, args);
            return result;
          }),
        readMany: (group, partitions) => ask('read offsets', () => offsets.readMany(group, partitions)),
        list: (group, after, limit) => ask('list offsets', () => offsets.list(group, after, limit)),
        remove: (group, partition) => ask('remove offset', () => offsets.remove(group, partition)),
      },
    };
  }

  /** An eventually consistent look may show each item as it was at another time. */
  async #observe(name: string, consistent: boolean): Promise<ObservedGroup> {
    const now = await this.#base.groups.observe(name, { consistent });
    if (consistent) return now;
    const { group } = this.#old(name) ?? now;
    const { heartbeats } = this.#old(name) ?? now;
    return { group, heartbeats };
  }

  #old(name: string): ObservedGroup | undefined {
    if (this.#dice.chance(0.5)) return undefined;
    const atMs = this.#time.nowMs - this.#dice.between(1, 1_500);
    return this.#past.findLast((one) => one.name === name && one.atMs <= atMs)?.seen;
  }

  async #changed<T>(name: string, result: T): Promise<T> {
    const seen = await this.#base.groups.observe(name, { consistent: true });
    this.#past.push({ atMs: this.#time.nowMs, name, seen });
    if (this.#past.length > 500) this.#past.splice(0, 250);
    return result;
  }
}
