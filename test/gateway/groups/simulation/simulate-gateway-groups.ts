/** One simulated life of a group of Kafka clients and of the gateways that coordinate it, all of which follows from its seed. */
import { Millrace } from '../../../../lib/client/millrace.ts';
import type { DelayStore } from '../../../../lib/delay/delay-store.ts';
import { memoryStore } from '../../../../lib/memory/memory-store.ts';
import { GroupNetwork } from '../../../group/simulation/group-network.ts';
import { MemberProcess } from '../../../group/simulation/member-process.ts';
import { Dice, VirtualTime } from '../../../log/simulation/virtual-time.ts';
import { RequestWay } from '../../../simulate/request-way.ts';
import { runUntil } from '../../../simulate/run-until.ts';
import { BusyTime, LEAST } from '../../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../../simulate/simulation-run.ts';
import { ClassicClientActor } from './classic-client-actor.ts';
import { ClientNetwork } from './client-network.ts';
import { ConsumerClientActor } from './consumer-client-actor.ts';
import { GatewayActor } from './gateway-actor.ts';
import { GatewayGroupsOracle } from './gateway-groups-oracle.ts';
import { GROUP, type KafkaClientActor, SESSION_MS, TOPIC } from './kafka-client-actor.ts';

const MAX_EVENTS = 400_000;
const MAX_CLIENTS = 7;
const MAX_GATEWAYS = 6;

class Run {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly oracle: GatewayGroupsOracle;
  readonly way: RequestWay;
  readonly stores: GroupNetwork;
  readonly network: ClientNetwork;
  readonly base: DelayStore;
  readonly direct: Millrace;
  readonly gateways: GatewayActor[] = [];
  readonly clients: KafkaClientActor[] = [];
  readonly partitionCount: number;
  readonly durationMs: number;
  readonly busy: BusyTime;
  readonly #world: MemberProcess;
  #isOver = false;
  readonly #Client: typeof ClassicClientActor | typeof ConsumerClientActor;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    this.dice = new Dice(seed);
    const { dice, time } = this;
    this.#world = new MemberProcess(time, 'w', 0);
    this.base = memoryStore({ clock: this.#world });
    this.direct = new Millrace({ store: this.base, clock: this.#world, random: dice });
    this.oracle = new GatewayGroupsOracle(time, { keepTrace, keepDigest });
    this.#Client = dice.pick([ClassicClientActor, ConsumerClientActor]);
    this.oracle.count(`runs with ${this.#Client.name}`);
    this.durationMs = dice.pick([30_000, 60_000]);
    this.partitionCount = dice.between(LEAST.partitions, 5);
    const weather = {
      faultProbability: dice.pick([0.03, 0.08, 0.2]),
      timeoutMs: dice.pick([100, 2_000]),
      lateMs: dice.pick([200, 5_000, 600_000]),
      latencyMs: dice.pick([5, 50, 200]),
      outageEveryMs: dice.chance(0.3) ? 25_000 : Number.POSITIVE_INFINITY,
      outageMs: dice.between(1_000, 20_000),
      slowProbability: dice.pick([0, 0, 0.02]),
    };
    this.way = new RequestWay({ time, dice, recorder: this.oracle, weather, withoutFaults });
    this.stores = new GroupNetwork({ time, dice, base: this.base, watch: this.oracle, way: this.way });
    const faultProbability = dice.pick([0, 0.02, 0.1]);
    this.network = new ClientNetwork({
      time,
      dice,
      oracle: this.oracle,
      way: this.way,
      group: GROUP,
      faultProbability,
    });
    this.busy = new BusyTime({ time, way: this.way, counts: this.oracle.counts, durationMs: this.durationMs });
  }

  addGateway(): void {
    if (this.#isOver) return;
    const { dice, time, oracle } = this;
    const place = this.gateways.length;
    const process = new MemberProcess(time, `gw${place}`, dice.between(-50_000, 50_000));
    const witness = { name: process.name, isAlive: true, memberId: null, holds: new Set<number>() };
    const gateway = new GatewayActor(process, this.stores.connect(process, witness), dice, place);
    this.gateways.push(gateway);
    oracle.count('gateways');
    time.schedule(0, () => void gateway.start());
    const trouble = dice.pick(['none', 'crash', 'pause', 'pause', 'stop'] as const);
    time.schedule(dice.between(4_000, this.durationMs), () => {
      if (this.way.calm || trouble === 'none') return;
      oracle.note(`${process.name}: ${trouble}`);
      oracle.count(`gateway ${trouble}`);
      if (trouble === 'crash') gateway.crash();
      else if (trouble === 'pause') process.stop(dice.pick([4_000, 12_000, 25_000]));
      else void gateway.stop();
      const isLast = this.gateways.every((one) => one === gateway || one.isLeaving);
      const isWelcome = this.gateways.length < MAX_GATEWAYS && dice.chance(0.6);
      if (isLast || isWelcome) time.schedule(dice.between(0, 5_000), () => this.addGateway());
    });
  }

  addClient(): void {
    if (this.#isOver) return;
    const { dice, time, oracle, network, gateways, partitionCount } = this;
    const used = this.clients.filter(({ isAlive }) => isAlive).map(({ habits }) => habits.instanceId);
    const free = ['s-1', 's-2'].find((id) => !used.includes(id)) ?? null;
    const habits = {
      instanceId: dice.chance(0.3) ? free : null,
      commitProbability: dice.pick([0.05, 0.3, 1]),
      handleMs: dice.pick([20, 100, 700]),
    };
    const endOf = () => BigInt(Math.floor(Math.min(time.nowMs, this.durationMs) / 500));
    const process = new MemberProcess(time, `c${this.clients.length}`, 0);
    const client = new this.#Client(process, habits, {
      network,
      oracle,
      dice,
      gateways,
      endOf,
      partitionCount,
      isCalm: () => this.way.calm,
    });
    this.clients.push(client);
    oracle.count('clients');
    time.schedule(0, () => {
      client.run().catch((error) => oracle.expect(false, 'No exception', () => `${process.name}: ${error?.stack}`));
    });
    const trouble = dice.pick(['none', 'crash', 'pause', 'close'] as const);
    time.schedule(dice.between(3_000, this.durationMs), () => {
      if (this.way.calm || trouble === 'none' || !client.isAlive) return;
      oracle.note(`${process.name}: ${trouble}`);
      oracle.count(`client ${trouble}`);
      if (trouble === 'crash') process.alive = false;
      else if (trouble === 'pause') process.stop(dice.pick([3_000, 12_000, 30_000]));
      else client.isClosing = true;
      if (this.clients.length < MAX_CLIENTS) time.schedule(dice.between(0, 6_000), () => this.addClient());
    });
  }

  /** Runs until it is over, or `limitMs` from now; false when that was too short. */
  until(limitMs: number, isOver: () => boolean): Promise<boolean> {
    return runUntil(this, { limitMs, maxEvents: MAX_EVENTS }, isOver);
  }

  async whole(): Promise<void> {
    const { dice, time, oracle } = this;
    for (let made = 0; made < this.partitionCount; made++) oracle.count('partitions');
    let isMade = false;
    const topic = { name: TOPIC, partitionCount: this.partitionCount };
    void this.direct.topics.createTopic(topic).then(() => {
      isMade = true;
    });
    await this.until(60_000, () => isMade);
    for (let count = dice.between(2, 3); count > 0; count--) this.addGateway();
    for (let count = 0; count < LEAST.clients - 1; count++)
      time.schedule(dice.between(0, 10_000), () => this.addClient());
    this.#keepBusy();
    await this.until(Number.POSITIVE_INFINITY, () => this.busy.isOver);
    await this.#settle();
  }

  /** A run in which nobody is left would test nothing more. Nor would one go on that is to become larger, and whose members are all at their ends: one of them makes room for another. */
  #keepBusy(): void {
    if (this.way.calm) return;
    const living = this.clients.filter(({ isAlive, isClosing }) => isAlive && !isClosing);
    const isLong = this.time.nowMs > this.durationMs + 30_000;
    if (isLong && living.length > 1) living[0]!.isClosing = true;
    if (isLong || this.clients.every(({ isAlive }) => !isAlive)) this.addClient();
    this.time.schedule(5_000, () => this.#keepBusy());
  }

  /** All is well again: whoever lives shares the partitions, and all records are committed once. */
  async #settle(): Promise<void> {
    const { oracle } = this;
    oracle.note('calm');
    this.way.calm = true;
    if (this.gateways.every(({ isLeaving }) => isLeaving)) this.addGateway();
    this.addClient();
    const isDone = () => this.#problem() === null;
    const isSettled = await this.until(SESSION_MS * 20, isDone);
    oracle.expect(isSettled, 'Progress', () => this.#problem()!);
    this.#isOver = true;
    // However late a request takes effect, it undoes nothing.
    for (const client of this.clients) client.process.alive = false;
    for (const { process } of this.gateways) process.alive = false;
    await this.until(Number.POSITIVE_INFINITY, () => false);
  }

  /** What is not as it should be in the end; null for nothing. */
  #problem(): string | null {
    const living = this.clients.filter(({ isAlive }) => isAlive);
    const shaky = living.find(({ isStable }) => !isStable);
    if (shaky !== undefined) return `${shaky.process.name} has no assignment`;
    for (let partition = 0; partition < this.partitionCount; partition++) {
      const owners = living.filter(({ positions }) => positions.has(partition)).map(({ process }) => process.name);
      if (owners.length !== 1) return `partition ${partition} is read by ${owners.join() || 'nobody'}`;
      const { committed, finishedTo } = this.oracle.partition(partition);
      if (committed !== finishedTo || committed < BigInt(this.durationMs / 500))
        return `${partition} is at ${committed}`;
    }
    return null;
  }
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateGatewayGroups(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const run = new Run(seed, options);
  await run.whole();
  const { violation, counts, trace } = run.oracle;
  return { seed, violation, digest: run.oracle.digest(), counts, trace };
}
