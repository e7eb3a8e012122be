/** One simulated life of an event source, all of which follows from its seed: a log that is written, the stream of its heads, routers, workers, functions, wake-ups and sweeps. */
import { Millrace } from '../../../lib/client/millrace.ts';
import type { Producer } from '../../../lib/client/producer.ts';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { type Ring, routeRings, type Waker } from '../../../lib/event-source/router.ts';
import { type SubscriptionOptions, subscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { sweepSubscriptions } from '../../../lib/event-source/sweeper.ts';
import type { WakeRequest } from '../../../lib/event-source/wake-request.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { MemberProcess } from '../../group/simulation/member-process.ts';
import { Dice, VirtualTime } from '../../log/simulation/virtual-time.ts';
import { RequestWay } from '../../simulate/request-way.ts';
import { runUntil } from '../../simulate/run-until.ts';
import { BusyTime, LEAST } from '../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { EventSourceNetwork, truthKey } from './event-source-network.ts';
import { EventSourceOracle, PartitionTruth } from './event-source-oracle.ts';
import { pauseOnce, seekOnce } from './simulated-administrator.ts';
import { SimulatedFunction } from './simulated-function.ts';
import { SimulatedReplays } from './simulated-replays.ts';
import { simulateWorker } from './simulated-worker.ts';

const TOPIC = 'orders';
/** Far from all other seeds. */
const WINDOW_SEEDS = 500_000_000;
const REPLAY_SEEDS = 600_000_000;
const MAX_EVENTS = 120_000;
/** Shorter than a worker works and some calls take: it has to be renewed. */
const LEASE_MS = 6_000;
const SWEEP_MS = 60_000;
/** Records whose value begins so fail whenever they are given. */
export const POISON = 'poison';
/** Records whose value begins so are left out by filters. */
const UNWANTED = 'unwanted';

class Run {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  /** Of their own, so that runs without windows are what they were before there were any. */
  readonly windowDice: Dice;
  readonly oracle: EventSourceOracle;
  readonly way: RequestWay;
  readonly network: EventSourceNetwork;
  readonly base: EventSourceStore;
  readonly busy: BusyTime;
  readonly world: MemberProcess;
  readonly direct: Millrace;
  readonly producer: Producer;
  readonly subscriptions: FunctionSubscription[] = [];
  readonly unwanted = new Map<number, Set<bigint>>();
  readonly functions: SimulatedFunction;
  readonly replays: SimulatedReplays;
  readonly replayDice: Dice;
  readonly troubleProbability: number;
  partitionCount = 0;
  topicId = '';
  isSweeping = true;
  isPausing = false;
  /** Whose records are given again; null: nobody's. */
  replayed: string | null = null;
  /** How long a worker works, and a function that pulls lives. */
  readonly workMs: number;
  #processes = 0;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    this.dice = new Dice(seed);
    this.windowDice = new Dice(seed + WINDOW_SEEDS);
    this.replayDice = new Dice(seed + REPLAY_SEEDS);
    const { dice, time } = this;
    this.world = new MemberProcess(time, 'w', 0);
    this.base = memoryStore({ clock: this.world });
    this.direct = new Millrace({ store: this.base, clock: this.world, random: dice });
    this.producer = this.direct.producer();
    this.oracle = new EventSourceOracle(time, { keepTrace, keepDigest });
    const weather = {
      faultProbability: dice.pick([0.02, 0.05, 0.15]),
      timeoutMs: dice.pick([100, 2_000]),
      lateMs: dice.pick([200, 5_000, 600_000]),
      latencyMs: dice.pick([5, 50]),
      outageEveryMs: dice.chance(0.2) ? 9_000 : Number.POSITIVE_INFINITY,
      outageMs: dice.between(400, 4_000),
      slowProbability: dice.pick([0, 0, 0.02]),
    };
    this.workMs = dice.pick([12_000, 12_000, 40_000]);
    this.troubleProbability = dice.pick([0, 0.05, 0.2]);
    const { oracle } = this;
    this.way = new RequestWay({ time, dice, recorder: oracle, weather, withoutFaults });
    const watch = {
      onBell: (bell: { group: string; partition: PartitionKey }) => this.#stream({ ...bell, head: null }),
      onCreated: (subscription: FunctionSubscription) => this.replays.onCreated(subscription),
      onRemoved: (group: string) => this.replays.onRemoved(group),
    };
    this.network = new EventSourceNetwork({ base: this.base, way: this.way, oracle, watch });
    const durationMs = dice.pick([30_000, 60_000]);
    this.busy = new BusyTime({ time, way: this.way, counts: oracle.counts, durationMs });
    this.functions = new SimulatedFunction({ time, dice, oracle });
    const { way, network, base, unwanted, replayDice } = this;
    const spawn = () => this.#spawn('y');
    this.replays = new SimulatedReplays({ time, dice: replayDice, oracle, way, network, base, spawn, unwanted });
    oracle.count('clients');
  }

  /** A process, whose clock is a little wrong, and which may die or stand still for a while. */
  #spawn(kind: string): MemberProcess {
    const { dice, time, oracle } = this;
    const process = new MemberProcess(time, `${kind}${this.#processes++}`, dice.between(-500, 500));
    oracle.count('clients');
    if (this.way.calm || !dice.chance(this.troubleProbability)) return process;
    time.schedule(dice.magnitude(1, 5_000), () => {
      if (this.way.calm) return;
      const trouble = dice.pick(['crash', 'stop'] as const);
      oracle.note(`${process.name}: ${trouble}`);
      oracle.count(trouble);
      if (trouble === 'crash') process.alive = false;
      else process.stop(dice.pick([1_000, LEASE_MS, LEASE_MS * 3]));
    });
    return process;
  }

  /** A change comes to the router: some time later, perhaps more than once, perhaps never. */
  #stream(ring: Ring): void {
    const { dice, time, oracle } = this;
    if (!this.way.calm && dice.chance(0.02)) {
      oracle.count('rings lost');
      return;
    }
    const copies = !this.way.calm && dice.chance(0.1) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const isLate = !this.way.calm && dice.chance(0.05);
      const delayMs = isLate ? dice.magnitude(1_000, 100_000) : dice.between(10, 400);
      time.schedule(delayMs, () => void this.#route([ring]));
    }
  }

  /** As the mapping of the stream does: again, until it went well. */
  async #route(rings: readonly Ring[], attempt = 1): Promise<void> {
    const process = this.#spawn('r');
    const deps = { store: this.network.connect(process), clock: process, random: this.dice };
    let isDone = false;
    this.time.schedule(30_000, () => {
      if (!isDone && attempt < 5) void this.#route(rings, attempt + 1);
      isDone = true;
    });
    try {
      await routeRings(deps, this.#waker(), rings);
    } catch (error) {
      this.oracle.note(`${process.name} failed`, String(error));
      return;
    }
    isDone = true;
  }

  /** Calls a worker, which nobody waits for: some time later, perhaps twice, perhaps never. */
  #waker(): Waker {
    const { dice, time, oracle } = this;
    return {
      wake: async (request) => {
        oracle.count('wakes');
        const isTroubled = !this.way.calm && dice.chance(0.05);
        const copies = isTroubled ? dice.pick([0, 2]) : 1;
        for (let copy = 0; copy < copies; copy++) time.schedule(dice.between(5, 300), () => void this.#work(request));
      },
    };
  }

  #work(request: WakeRequest): Promise<void> {
    const { time, dice, oracle, way, network, functions, workMs } = this;
    const route = (rings: readonly Ring[]) => void this.#route(rings);
    const work = (again: WakeRequest) => void this.#work(again);
    const world = { time, dice, oracle, way, network, functions, leaseMs: LEASE_MS, workMs, work, route };
    return simulateWorker(world, this.#spawn('k'), request);
  }

  #sweep(): void {
    this.time.schedule(SWEEP_MS, () => {
      if (!this.isSweeping) return;
      const process = this.#spawn('s');
      const deps = { store: this.network.connect(process), clock: process, random: this.dice };
      void sweepSubscriptions(deps, this.#waker()).then(
        ({ woken }) => this.oracle.note(`${process.name} woke ${woken.length}`),
        (error: unknown) => this.oracle.note(`${process.name} failed`, String(error)),
      );
      this.#sweep();
    });
  }

  #options(): Partial<SubscriptionOptions> {
    const { dice } = this;
    const ordering = dice.pick(['partition', 'partition', 'key', 'none'] as const);
    const mode = dice.pick(['push', 'push', 'pull'] as const);
    const hasWindows = mode === 'push' && ordering === 'partition' && this.windowDice.chance(0.5);
    return {
      mode,
      ordering,
      tumblingWindowMs: hasWindows ? this.windowDice.pick([5_000, 20_000]) : 0,
      batchSize: dice.pick([1, 3, 10]),
      parallelizationFactor: ordering === 'partition' ? 1 : dice.pick([1, 3]),
      bisectBatchOnError: dice.chance(0.6),
      retryAttempts: dice.pick([0, 1, 3]),
      reportBatchItemFailures: dice.chance(0.5),
      maxBatchingWindowMs: dice.pick([0, 0, 3_000]),
      circuitBreakerFailures: dice.pick([0, 3]),
      maximumConcurrency: dice.pick([0, 0, 1, 2]),
      recordsPerSecond: dice.pick([0, 0, 3, 20]),
      filters: dice.chance(0.3) ? [{ value: [{ 'anything-but': { prefix: UNWANTED } }] }] : [],
    };
  }

  async #prepare(): Promise<void> {
    const { dice, direct, base, oracle } = this;
    this.partitionCount = dice.between(LEAST.partitions, 4);
    for (let made = 0; made < this.partitionCount; made++) oracle.count('partitions');
    const { topicId, domain } = await direct.topics.createTopic({ name: TOPIC, partitionCount: this.partitionCount });
    this.topicId = topicId;
    for (const group of ['a', 'b'].slice(0, dice.between(1, 2))) {
      const options = subscriptionOptions(this.#options(), group);
      const subscription = {
        group,
        topic: TOPIC,
        topicId,
        domain,
        version: 0,
        target: `handle-${group}`,
        options,
        retry: null,
      };
      await base.subscriptions.create(subscription);
      this.subscriptions.push(subscription);
      oracle.limits.add(group, options);
      for (let partition = 0; partition < this.partitionCount; partition++) {
        const isLeftOut = (offset: bigint) =>
          options.filters.length > 0 && this.unwanted.get(partition)?.has(offset) === true;
        const key = truthKey(group, { topicId, partition });
        if (options.tumblingWindowMs > 0) oracle.windows.add(key);
        oracle.add(key, new PartitionTruth(`${group}/${partition}`, options, isLeftOut));
      }
    }
  }

  /** Writes a record, and the stream carries the head that it makes. */
  async append(partition: number, value: string, key: string | null): Promise<void> {
    const at = { topicId: this.topicId, partition };
    const timestampMs = Math.floor(this.world.nowMs());
    const { offset } = await this.producer.send({ topic: TOPIC, partition, value, key, timestampMs });
    this.functions.know(at, offset, key);
    this.oracle.windows.know(partitionPk(at), offset, Number(timestampMs));
    if (value.startsWith(UNWANTED)) {
      const offsets = this.unwanted.get(partition) ?? new Set();
      this.unwanted.set(partition, offsets.add(offset));
    }
    const head = await this.base.heads.read(at, { consistent: true });
    this.#stream({ partition: at, head, group: null });
  }

  #write(): void {
    const { dice, time } = this;
    if (this.busy.isOver) return;
    const count = dice.pick([1, 1, 1, 5, 20]);
    const partition = dice.between(0, this.partitionCount - 1);
    for (let n = 0; n < count; n++) {
      const kind = dice.chance(0.05) ? POISON : dice.chance(0.1) ? UNWANTED : 'fine';
      const key = dice.chance(0.1) ? null : `k${dice.between(0, 3)}`;
      void this.append(partition, `${kind} ${time.nowMs.toFixed(0)} ${n}`, key);
    }
    time.schedule(dice.magnitude(10, 4_000), () => this.#write());
  }

  /** Somebody moves a partition now and then, or pauses a subscription. */
  #administerSometimes(): void {
    const { time, dice, oracle, way, network } = this;
    const pick = () => ({
      subscription: dice.pick(this.subscriptions),
      partition: { topicId: this.topicId, partition: dice.between(0, this.partitionCount - 1) },
    });
    const world = { time, dice, oracle, way, network, spawn: () => this.#spawn('a'), pick };
    if (dice.chance(0.3)) time.schedule(dice.between(5_000, 40_000), () => void seekOnce(world));
    if (this.replayDice.chance(0.4)) {
      const { group } = this.replayDice.pick(this.subscriptions);
      time.schedule(this.replayDice.between(3_000, 30_000), () => void this.replays.whole(group));
      this.replayed = group;
    }
    if (!dice.chance(0.3)) return;
    this.isPausing = true;
    const over = () => {
      this.isPausing = false;
    };
    time.schedule(dice.between(5_000, 30_000), () => void pauseOnce(world).then(over));
  }

  /** Runs until `isOver`, or `limitMs` from now; false when that was too short. */
  until(limitMs: number, isOver: () => boolean): Promise<boolean> {
    return runUntil(this, { limitMs, maxEvents: MAX_EVENTS }, isOver);
  }

  async whole(): Promise<void> {
    const { dice, time, oracle } = this;
    let isReady = false;
    time.schedule(
      0,
      () =>
        void this.#prepare().then(() => {
          isReady = true;
        }),
    );
    await this.until(60_000, () => isReady);
    this.#write();
    this.#sweep();
    this.#administerSometimes();
    await this.until(Number.POSITIVE_INFINITY, () => this.busy.isOver);
    this.way.calm = true;
    this.functions.isMended = true;
    await this.until(SWEEP_MS * 20, () => !(this.isPausing || this.replays.isBusy));
    oracle.limits.isCalm = true;
    await this.until(SWEEP_MS * 40, () => this.#isAllSettled());
    oracle.expect(this.#isAllSettled(), 'Nothing skipped', () => `left: ${this.#left()}`);
    // Now that nothing is lost any more, every doorbell finds somebody by itself.
    this.isSweeping = false;
    await this.until(SWEEP_MS * 12, () => false);
    oracle.limits.isQuiet = true;
    for (let partition = 0; partition < this.partitionCount; partition++) {
      // One by one, so that each ring is the only one that can bring its record: some come while a worker is busy.
      for (let n = 0; n < dice.between(1, 4); n++) {
        time.schedule(
          n === 0 ? 0 : dice.magnitude(100, 9_000),
          () => void this.append(partition, `fine ${n}`, `k${n}`),
        );
      }
    }
    await this.until(10_000, () => false);
    await this.until(SWEEP_MS * 10, () => this.#isAllSettled());
    oracle.expect(this.#isAllSettled(), 'No lost doorbell', () => `left without a sweep: ${this.#left()}`);
    await this.until(Number.POSITIVE_INFINITY, () => false);
    oracle.limits.onEnd();
    this.#checkWindows();
    await this.#checkReplays();
  }

  async #checkReplays(): Promise<void> {
    if (this.replayed === null) return;
    let isOver = false;
    const check = this.replays.onEnd(this.replayed).finally(() => {
      isOver = true;
    });
    await this.until(SWEEP_MS, () => isOver);
    await check;
  }

  #checkWindows(): void {
    for (const { group } of this.subscriptions) {
      for (let partition = 0; partition < this.partitionCount; partition++) {
        const at = { topicId: this.topicId, partition };
        const key = truthKey(group, at);
        const { start, dead, filtered } = this.oracle.truth(key);
        const range = { from: start, to: this.functions.endOf(at) };
        this.oracle.windows.onEnd(key, range, (offset) => dead.has(offset) || filtered(offset));
      }
    }
  }

  #isAllSettled(): boolean {
    return this.#left() === '';
  }

  /** What nobody has handled, or what was handled and is not committed. */
  #left(): string {
    const left: string[] = [];
    for (const { group } of this.subscriptions) {
      for (let partition = 0; partition < this.partitionCount; partition++) {
        const at = { topicId: this.topicId, partition };
        const truth = this.oracle.truth(truthKey(group, at));
        const end = this.functions.endOf(at);
        if (end > 0n && (truth.committed ?? truth.start) < end) left.push(`${truth.name} ${truth.committed} of ${end}`);
        if (this.oracle.windows.isOpen(truthKey(group, at))) left.push(`the window of ${truth.name}`);
      }
    }
    left.push(...this.replays.left());
    return left.join(', ');
  }
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateEventSource(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const run = new Run(seed, options);
  await run.whole();
  const { violation, counts, trace } = run.oracle;
  return { seed, violation, digest: run.oracle.digest(), counts, trace };
}
