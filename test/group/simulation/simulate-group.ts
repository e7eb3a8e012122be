/** One simulated life of a group, all of which follows from its seed. */
import { Millrace } from '../../../lib/client/millrace.ts';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { Dice, VirtualTime } from '../../log/simulation/virtual-time.ts';
import { RequestWay } from '../../simulate/request-way.ts';
import { runUntil } from '../../simulate/run-until.ts';
import { BusyTime, LEAST } from '../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { GroupNetwork } from './group-network.ts';
import { GroupOracle } from './group-oracle.ts';
import { GROUP, MemberActor, SESSION_MS, TOPIC } from './member-actor.ts';
import { MemberProcess } from './member-process.ts';

const MAX_EVENTS = 80_000;
const STATIC_IDS = ['s-1', 's-2'];

class Run {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly oracle: GroupOracle;
  readonly way: RequestWay;
  readonly network: GroupNetwork;
  readonly base: DelayStore;
  readonly actors: MemberActor[] = [];
  readonly durationMs: number;
  readonly busy: BusyTime;
  readonly world: MemberProcess;
  readonly direct: Millrace;
  /** Nobody crashes any more: everybody is asked to close. */
  isEnding = false;
  #partitionCount = 0;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    this.dice = new Dice(seed);
    const { dice, time } = this;
    this.world = new MemberProcess(time, 'w', 0);
    this.base = memoryStore({ clock: this.world });
    this.direct = new Millrace({ store: this.base, clock: this.world, random: dice });
    this.oracle = new GroupOracle(time, { keepTrace, keepDigest });
    this.durationMs = dice.pick([20_000, 40_000]);
    const weather = {
      faultProbability: dice.pick([0.02, 0.05, 0.15, 0.3]),
      timeoutMs: dice.pick([100, 2_000]),
      lateMs: dice.pick([200, 5_000, 600_000]),
      latencyMs: dice.pick([5, 50, 300]),
      outageEveryMs: dice.chance(0.25) ? 9_000 : Number.POSITIVE_INFINITY,
      outageMs: dice.between(400, 4_000),
      slowProbability: dice.pick([0, 0, 0.02]),
    };
    this.way = new RequestWay({ time, dice, recorder: this.oracle, weather, withoutFaults });
    this.network = new GroupNetwork({ time, dice, base: this.base, watch: this.oracle, way: this.way });
    this.busy = new BusyTime({ time, way: this.way, counts: this.oracle.counts, durationMs: this.durationMs });
  }

  addMember(): void {
    const { dice, time, network, oracle } = this;
    const process = new MemberProcess(time, `m${this.actors.length}`, dice.between(-50_000, 50_000));
    const free = STATIC_IDS.filter((id) => !this.actors.some((one) => one.isAlive && one.instanceId === id));
    const instanceId = dice.chance(0.3) ? free[0] : undefined;
    const habits = {
      instanceId,
      autoCommit: dice.chance(0.5),
      commitProbability: dice.pick([0.1, 0.5, 1]),
      handleMs: dice.pick([2, 50, 400]),
    };
    const connect = (witness: MemberActor | { name: string }) => network.connect(process, witness as MemberActor);
    const actor = new MemberActor({ process, connect, dice, oracle, habits });
    this.actors.push(actor);
    oracle.count('clients');
    time.schedule(0, () => void actor.run());
    this.#planTrouble(actor);
  }

  #planTrouble(actor: MemberActor): void {
    const { dice, time, oracle } = this;
    const atMs = dice.between(500, this.durationMs);
    const trouble = dice.pick(['none', 'crash', 'stop', 'stop', 'close', 'close'] as const);
    if (trouble === 'none') return;
    time.schedule(atMs, () => {
      if (!actor.isAlive || this.way.calm || this.isEnding) return;
      oracle.note(`${actor.name}: ${trouble}`);
      oracle.count(trouble);
      if (trouble === 'crash') {
        actor.process.alive = false;
        actor.holds.clear();
      } else if (trouble === 'stop') actor.process.stop(dice.pick([2_000, 15_000, 40_000]));
      else void actor.close();
      if (this.actors.length < 7 && dice.chance(0.7)) time.schedule(dice.between(0, 5_000), () => this.addMember());
    });
  }

  /** Runs until `isOver`, or `limitMs` from now; false when that was too short. */
  until(limitMs: number, isOver: () => boolean): Promise<boolean> {
    return runUntil(this, { limitMs, maxEvents: MAX_EVENTS }, isOver);
  }

  async within<T>(limitMs: number, what: string, action: () => Promise<T>): Promise<void> {
    let isOver = false;
    this.time.schedule(0, () => {
      void action().finally(() => {
        isOver = true;
      });
    });
    const ended = await this.until(limitMs, () => isOver);
    this.oracle.expect(ended, 'Progress', () => `${what} did not end`);
  }

  async #append(count: number): Promise<void> {
    const producer = this.direct.producer();
    for (let partition = 0; partition < this.#partitionCount; partition++) {
      for (let n = 0; n < count; n++) void producer.send({ topic: TOPIC, partition, value: 'x' });
    }
    await producer.close();
  }

  async whole(): Promise<void> {
    const { dice, time } = this;
    this.#partitionCount = dice.between(LEAST.partitions, 5);
    for (let made = 0; made < this.#partitionCount; made++) this.oracle.count('partitions');
    await this.within(60_000, 'the topic', () =>
      this.direct.topics.createTopic({ name: TOPIC, partitionCount: this.#partitionCount }),
    );
    await this.within(60_000, 'the first records', () => this.#append(dice.between(5, 40)));
    const first = dice.between(1, 3);
    for (let count = 0; count < first; count++) time.schedule(dice.between(0, 3_000), () => this.addMember());
    // With the one that comes when all is well again.
    for (let count = first; count < LEAST.clients - 1; count++)
      time.schedule(dice.between(3_000, this.durationMs), () => this.addMember());
    if (dice.chance(0.3)) time.schedule(dice.between(5_000, this.durationMs), () => void this.#addPartition());
    await this.#beBusy();
    if (dice.chance(0.3)) await this.#seek();
    await this.#settle();
  }

  /** Until it has been for long enough; when nobody is left before that, somebody joins. */
  async #beBusy(): Promise<void> {
    const isOver = () => this.busy.isOver;
    while (!(await this.until(Number.POSITIVE_INFINITY, isOver))) this.addMember();
  }

  async #addPartition(): Promise<void> {
    await this.direct.topics.addPartitions(TOPIC, this.#partitionCount + 1);
    this.#partitionCount += 1;
  }

  /** Everybody leaves, and an administrator moves the group. */
  async #seek(): Promise<void> {
    const { dice, oracle } = this;
    this.isEnding = true;
    const living = this.actors.filter((one) => one.isAlive && !one.process.isStopped);
    await this.within(200_000, 'closing', () => Promise.all(living.map((one) => one.close())));
    const process = new MemberProcess(this.time, 'admin', 0);
    const admin = new Millrace({
      store: this.network.connect(process, { name: 'admin', isAlive: true, memberId: null, holds: new Set() }),
      clock: process,
      random: dice,
    });
    await this.within(400_000, 'seeking', async () => {
      const request = { to: dice.pick(['start', 'end'] as const) };
      await admin.groups
        .seekGroup(GROUP, request)
        .catch((error: { code: string }) => oracle.count(`seek ${error.code}`));
    });
  }

  /** The network is well again. Whoever lives goes on, every late request takes effect, and what is written now reaches the group once. */
  async #settle(): Promise<void> {
    const { oracle, time } = this;
    this.way.calm = true;
    this.addMember();
    await this.until(SESSION_MS * 8, () => false);
    await this.within(60_000, 'the last records', () => this.#append(2));
    const partitions = Array.from({ length: this.#partitionCount }, (_, partition) => partition);
    const isDone = async () => {
      const ends = await this.direct.topics.describeTopic(TOPIC);
      return ends.partitions.every(
        ({ partition, highWatermark }) => oracle.partition(partition).finishedTo >= highWatermark,
      );
    };
    let isFinished = false;
    const look = () => {
      void isDone().then((done) => {
        isFinished = done;
        if (!done) time.schedule(1_000, look);
      });
    };
    look();
    const finished = await this.until(SESSION_MS * 40, () => isFinished);
    oracle.expect(
      finished,
      'Nothing skipped',
      () => `not everything was handled: ${partitions.map((p) => oracle.partition(p).finishedTo).join()}`,
    );
    const living = this.actors.filter((one) => one.isAlive && one.ended === null);
    const owners = partitions.map((partition) =>
      living.filter(({ holds }) => holds.has(partition)).map(({ name }) => name),
    );
    oracle.expect(
      owners.every(({ length }) => length === 1),
      'One owner',
      () => `in the end partitions are held by ${JSON.stringify(owners)}`,
    );
    const open = this.actors.filter((one) => one.isAlive);
    await this.within(200_000, 'closing', () => Promise.all(open.map((one) => one.close())));
    // However late a request takes effect, it undoes nothing.
    await this.until(Number.POSITIVE_INFINITY, () => false);
  }
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateGroup(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const run = new Run(seed, options);
  await run.whole();
  const { violation, counts, trace } = run.oracle;
  return { seed, violation, digest: run.oracle.digest(), counts, trace };
}
