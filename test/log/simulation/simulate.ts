/** One simulated run of the log, all of which follows from its seed. */
import { limits } from '../../../lib/limits.ts';
import { Appender } from '../../../lib/log/appender.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { ZERO_ID } from '../../../lib/segment/segment-id.ts';
import { poisoningPool } from '../../simulate/poisoning-pool.ts';
import { RequestWay } from '../../simulate/request-way.ts';
import { runUntil } from '../../simulate/run-until.ts';
import { BusyTime, LEAST } from '../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { startKeeper } from './keepers.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import { ProducerActor } from './producer-actor.ts';
import { ReaderActor } from './reader-actor.ts';
import { Dice, Process, VirtualTime } from './virtual-time.ts';

/** Longer than any run needs: a run that does more goes round in a circle. */
const MAX_EVENTS = 60_000;
const TOPIC_IDS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];

/** Tails so small that rolls and refusals for want of room are common. */
export function shrinkLimits(dice: Dice): void {
  Object.assign(limits, {
    tailEntries: dice.between(1, 6),
    tailBytes: dice.pick([200, 600, 2_048]),
    tailEntriesCap: dice.between(3, 14),
    tailBytesCap: dice.pick([600, 2_000, 128 * 1024]),
    entriesPerChunk: dice.pick([2, 5, 100]),
  });
}

/** One run; what builds on it overrides its hooks. */
export class LogRun {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly base = memoryStore({ clock: new Process(this.time, 'store', 0) });
  readonly oracle: Oracle;
  readonly way: RequestWay;
  readonly network: Network;
  readonly busy: BusyTime;
  readonly producers: ProducerActor[] = [];
  readonly durationMs: number;
  readonly deliveryTimeoutMs: number;
  /** Many keepers who hardly rest, so that unanswered commits are rolled, compacted and retained away before they are sent again. */
  readonly isBusy: boolean;
  /** How much of all work is for the first partition. */
  readonly hotShare: number;
  /** Whether keepers delete records, and objects. */
  readonly retains: boolean = true;
  readonly collects: boolean = true;
  /** Whether keepers compact, at once. */
  readonly compacts: boolean = true;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    const dice = new Dice(seed);
    this.dice = dice;
    shrinkLimits(dice);
    this.oracle = new Oracle({ time: this.time, base: this.base, keepTrace, keepDigest });
    this.durationMs = dice.pick([2_000, 6_000, 15_000]);
    this.deliveryTimeoutMs = dice.pick([300, 800, 3_000, 10_000]);
    this.isBusy = dice.chance(0.5);
    this.hotShare = this.isBusy ? dice.pick([0.9, 1]) : dice.pick([0, 0.5, 1]);
    const weather = {
      faultProbability: this.isBusy ? 0.15 : dice.pick([0.02, 0.05, 0.1, 0.2, 0.4]),
      timeoutMs: this.isBusy ? 1_500 : dice.pick([40, 400, 2_000]),
      lateMs: dice.pick([200, 5_000, 3 * 3_600_000]),
      latencyMs: this.isBusy ? 5 : dice.pick([5, 40, 200]),
      outageEveryMs: !this.isBusy && dice.chance(0.5) ? 4_000 : Number.POSITIVE_INFINITY,
      outageMs: dice.between(400, 2_500),
      slowProbability: dice.pick([0, 0.02, 0.1]),
    };
    this.way = new RequestWay({ time: this.time, dice, recorder: this.oracle, weather, withoutFaults });
    this.network = new Network({ way: this.way, dice, base: this.base, oracle: this.oracle });
    const { time, way, durationMs } = this;
    this.busy = new BusyTime({ time, way, counts: this.oracle.counts, durationMs });
  }

  async createPartitions(): Promise<void> {
    const topicCount = this.dice.between(1, 2);
    const least = Math.ceil(LEAST.partitions / topicCount);
    for (const [index, topicId] of TOPIC_IDS.slice(0, topicCount).entries()) {
      const partitionCount = this.dice.between(least, least + 1);
      const name = `topic-${index}`;
      const domain = this.dice.pick(['shared', 'own']);
      const counts = { partitionCount, readyPartitionCount: partitionCount, createdAtMs: 0, version: 0 };
      await this.base.topics.create({ name, topicId, state: 'active', domain, config: this.configOf(name), ...counts });
      const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
      await this.base.topics.createHeads({ topicName: name, topicId, partitions, floor: ZERO_ID });
      for (const partition of partitions) {
        this.oracle.count('partitions');
        await this.oracle.watch({ topicId, partition }, domain);
      }
    }
  }

  /** Settings of a topic. */
  configOf(_topic: string): Readonly<Record<string, string>> {
    return {};
  }

  process(name: string): Process {
    const { dice } = this;
    const skewMs = dice.chance(0.6) ? dice.between(-300, 300) : dice.between(-50_000, 50_000);
    const isFarOff = Math.abs(skewMs) > 40_000;
    this.oracle.count('clients');
    return new Process(this.time, name, isFarOff ? 20 * skewMs : skewMs);
  }

  makeProducer(deliveryTimeoutMs: number): ProducerActor {
    const { dice, time, oracle, hotShare } = this;
    const process = this.process(`p${this.producers.length}`);
    const store = this.network.connect(process);
    const strictShare = dice.pick([0.1, 0.2, 0.7]);
    const targets = oracle.living.map(({ partition, domain }) => {
      return { partition, domain, inlineMaxBytes: dice.pick([0, 300, 1_024]) };
    });
    const appender = new Appender({
      store,
      clock: process,
      random: dice,
      deliveryTimeoutMs,
      segmentBytes: dice.pick([200, 1_000, 100_000]),
      lingerMs: dice.pick([0, 0, 30]),
      maxPutsInFlight: dice.between(1, 4),
      maxFlushesPerSecond: dice.pick([Number.POSITIVE_INFINITY, 20]),
      buffers: poisoningPool(),
    });
    const actor = new ProducerActor({ process, appender, store, time, dice, oracle, targets, strictShare, hotShare });
    this.producers.push(actor);
    return actor;
  }

  /** A producer that appends from now on, and may meet with a wrong clock or a crash. */
  addProducer(): void {
    const { dice, time } = this;
    const actor = this.makeProducer(this.deliveryTimeoutMs);
    const { process } = actor;
    actor.start(this.busy, dice.pick([30, 300]));
    if (dice.chance(0.3))
      time.schedule(dice.between(0, this.durationMs), () => process.jump(dice.between(-30_000, 30_000)));
    if (dice.chance(0.35)) time.schedule(dice.between(0, this.durationMs), () => this.crash(process));
  }

  crash(process: Process): void {
    this.oracle.note(`${process.name} crashes`, null);
    process.alive = false;
    if (this.producers.length < 6) this.addProducer();
  }

  /** Runs until `isOver`, or `limitMs` from now; false when that was too short. */
  until(limitMs: number, isOver: () => boolean): Promise<boolean> {
    return runUntil(this, { limitMs, maxEvents: MAX_EVENTS }, isOver);
  }

  async within(limitMs: number, what: string, action: () => Promise<void>): Promise<void> {
    let isOver = false;
    this.time.schedule(0, () => {
      void action().then(() => {
        isOver = true;
      });
    });
    const ended = await this.until(limitMs, () => isOver);
    this.oracle.expect(ended, 'Progress', () => `${what} did not end`);
  }

  async whole(): Promise<void> {
    const { dice, oracle, time } = this;
    await this.createPartitions();
    for (let count = dice.between(2, 3); count > 0; count--) this.addProducer();
    this.addKeepers();
    const process = this.process('r');
    const reader = new ReaderActor({ process, store: this.network.connect(process), dice, time, oracle });
    reader.start(this.busy, dice.pick([100, 1_000]));
    await this.until(Number.POSITIVE_INFINITY, () => this.busy.isOver);

    this.way.calm = true;
    await this.settle();
    // Every late request takes effect, however late.
    await this.until(Number.POSITIVE_INFINITY, () => false);
    await this.within(60_000, 'one more append', () => this.makeProducer(30_000).appendEverywhere());
    await this.atRest();
    await this.within(600_000, 'reading it all', () => reader.readAll());
    for (const producer of this.producers) producer.check();
  }

  /** Nobody writes any more. */
  async atRest(): Promise<void> {}

  addKeepers(): void {
    const { retains, collects, compacts } = this;
    const { dice, oracle, time, base, hotShare } = this;
    const partitions = () => oracle.living.map(({ partition }) => partition);
    const pauseMs = this.isBusy ? 20 : dice.pick([50, 500, 3_000]);
    for (let count = this.isBusy ? 4 : dice.between(1, 3); count > 0; count--) {
      const process = this.process(`k${count}`);
      startKeeper(
        {
          process,
          store: this.network.connect(process),
          base,
          time,
          dice,
          oracle,
          partitions,
          retains,
          collects,
          compacts,
          hotShare,
        },
        this.busy,
        pauseMs,
      );
    }
  }

  /** Everybody who lives closes, within the times that were promised. */
  async settle(): Promise<void> {
    const open = new Set(this.producers.filter((producer) => producer.process.alive));
    for (const producer of open) void producer.appender.close().then(() => open.delete(producer));
    const limitMs = 2 * this.deliveryTimeoutMs + 60_000;
    const closed = await this.until(limitMs, () => [...open].every(({ process }) => !process.alive));
    this.oracle.expect(closed, 'Settled', () => `${[...open].map(({ process }) => process.name)} cannot be closed`);
  }
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const before = { ...limits };
  try {
    const run = new LogRun(seed, options);
    await run.whole();
    const { violation, counts, trace } = run.oracle;
    return { seed, violation, digest: run.oracle.digest(), counts, trace };
  } finally {
    Object.assign(limits, before);
  }
}
