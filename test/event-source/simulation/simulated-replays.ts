/** Whoever has a range given once more in a simulated event source, perhaps gives it up half-way, and may die at it. */
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { Replays } from '../../../lib/event-source/replays.ts';
import { SubscriptionAdmin } from '../../../lib/event-source/subscription-admin.ts';
import type { StartingPosition } from '../../../lib/event-source/subscription-request.ts';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { Dice, VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import { attemptInProcesses } from './attempt-in-processes.ts';
import { type EventSourceNetwork, truthKey } from './event-source-network.ts';
import { type EventSourceOracle, PartitionTruth } from './event-source-oracle.ts';

/** What it takes place in. */
export interface ReplaysWorld {
  readonly time: VirtualTime;
  /** Of their own, so that runs without replays are what they were before there were any. */
  readonly dice: Dice;
  readonly oracle: EventSourceOracle;
  readonly way: RequestWay;
  readonly network: EventSourceNetwork;
  readonly base: EventSourceStore;
  readonly spawn: () => MemberProcess;
  /** By partition: the offsets that filters leave out. */
  readonly unwanted: ReadonlyMap<number, ReadonlySet<bigint>>;
}

/** See the top of this file. */
export class SimulatedReplays {
  readonly #world: ReplaysWorld;
  /** Those that were begun, and that nobody has begun to end. */
  readonly #running = new Map<string, FunctionSubscription>();
  isBusy = false;

  constructor(world: ReplaysWorld) {
    this.#world = world;
  }

  /** A replay was made. */
  onCreated(replay: FunctionSubscription): void {
    const { oracle, unwanted } = this.#world;
    const { group, topicId, options } = replay;
    oracle.count('replays');
    this.#running.set(group, replay);
    oracle.limits.add(group, options);
    for (const { partition, from, to } of replay.replay!.ranges) {
      const key = truthKey(group, { topicId, partition });
      const isLeftOut = (offset: bigint) => options.filters.length > 0 && unwanted.get(partition)?.has(offset) === true;
      const truth = new PartitionTruth(`${group}/${partition}`, options, isLeftOut);
      truth.start = from;
      truth.end = to;
      oracle.add(key, truth);
      if (options.tumblingWindowMs > 0) oracle.windows.add(key);
    }
  }

  /** One is gone: ended, or taken back by the one who began it. */
  onRemoved(group: string): void {
    this.#running.delete(group);
  }

  /** Begins one, and perhaps ends it before it is done, and begins another. */
  async whole(of: string): Promise<void> {
    const { time, dice, way } = this.#world;
    this.isBusy = true;
    for (let left = dice.pick([1, 1, 2]); left > 0; left--) {
      const from = dice.pick<StartingPosition>(['TRIM_HORIZON', { offset: 1n }]);
      await this.#attempt('begin', (replays) => replays.start(of, { from }), ['SUBSCRIPTION_ALREADY_EXISTS']);
      await new Promise<void>((resolve) => time.schedule(way.calm ? 0 : dice.between(1_000, 30_000), resolve));
      if (dice.chance(0.5)) await this.#end(of);
    }
    this.isBusy = false;
  }

  async #end(of: string): Promise<void> {
    const { oracle } = this.#world;
    const ending = [...this.#running.keys()];
    this.#running.clear();
    if (!(await this.#attempt('end', (replays) => replays.end(of), ['SUBSCRIPTION_NOT_FOUND']))) return;
    // A worker may not know of it yet, but for how long is settled.
    for (const group of ending) oracle.onPaused(group, true);
    oracle.count('replays ended');
  }

  #attempt(what: string, action: (replays: Replays) => Promise<unknown>, asGood: readonly string[]): Promise<boolean> {
    const { network, dice: random, oracle } = this.#world;
    return attemptInProcesses(this.#world, async (process) => {
      const store = network.connect(process);
      const deps = { store, clock: process, random };
      const subscriptions = new SubscriptionAdmin(deps);
      await action(new Replays({ ...deps, subscriptions, fetcher: new Fetcher(deps) })).catch((error: unknown) => {
        const code = (error as { code?: string }).code ?? '';
        // Before the first record there is nothing to give again.
        const isGood = asGood.includes(code) || code === 'INVALID_REQUEST' || code === 'OFFSET_OUT_OF_RANGE';
        oracle.note(`${process.name} could not ${what}`, code);
        if (!isGood) throw error;
      });
    });
  }

  /** What nobody has handled of those that go on. */
  left(): readonly string[] {
    const left: string[] = [];
    for (const { group, topicId, replay } of this.#running.values()) {
      for (const { partition, from, to } of replay!.ranges) {
        const key = truthKey(group, { topicId, partition });
        const { committed, name } = this.#world.oracle.truth(key);
        if ((committed ?? from) < to) left.push(`${name} ${committed} of ${to}`);
        if (this.#world.oracle.windows.isOpen(key)) left.push(`the window of ${name}`);
      }
    }
    return left;
  }

  /** Everything is settled: what was given again is what lay in the range, and whoever ends it leaves nothing. */
  async onEnd(of: string): Promise<void> {
    const { oracle, base } = this.#world;
    for (const { group, topicId, replay } of this.#running.values()) {
      for (const { partition, from, to } of replay!.ranges) {
        const key = truthKey(group, { topicId, partition });
        const truth = oracle.truth(key);
        oracle.expect(truth.committed === to, 'Range', () => `${truth.name} ended at ${truth.committed}, not at ${to}`);
        for (let offset = from; offset < to; offset++) {
          const isDone = truth.isSettled(offset);
          oracle.expect(isDone, 'Nothing skipped', () => `${offset} of ${truth.name} was never given again`);
        }
        oracle.windows.onEnd(key, { from, to }, (offset) => truth.dead.has(offset) || truth.filtered(offset));
      }
    }
    const process = this.#world.spawn();
    const deps = { store: base, clock: process, random: this.#world.dice };
    const replays = new Replays({ ...deps, subscriptions: new SubscriptionAdmin(deps), fetcher: new Fetcher(deps) });
    if (this.#running.size === 0) return;
    const { state } = await replays.end(of);
    oracle.expect(state === 'done', 'Range', () => `the replay of ${of} is ${state} when all is settled`);
    for (const { group, topicId, replay } of this.#running.values()) {
      const places = replay!.ranges.map(({ partition }) => ({ group, partition: { topicId, partition } }));
      const leases = (await base.leases.readMany(places)).filter((lease) => lease !== null);
      oracle.expect(leases.length === 0, 'Deleted whole', () => `${leases.length} leases of ${group} are left`);
    }
  }
}
