/** One simulated life of everything together, all of which follows from its seed: clients of every kind, keepers and administrators on one store, judged by what the clients tell. */
import { Millrace } from '../../../lib/client/millrace.ts';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import { type AssignorName, assignorNames } from '../../../lib/group/assignor.ts';
import { limits } from '../../../lib/limits.ts';
import type { MaintenancePorts } from '../../../lib/maintenance/jobs.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { GroupNetwork, type GroupWatch } from '../../group/simulation/group-network.ts';
import { MemberProcess } from '../../group/simulation/member-process.ts';
import { startKeeper } from '../../log/simulation/keepers.ts';
import { Network } from '../../log/simulation/network.ts';
import { Oracle } from '../../log/simulation/oracle.ts';
import { shrinkLimits } from '../../log/simulation/simulate.ts';
import { Dice, type Process, VirtualTime } from '../../log/simulation/virtual-time.ts';
import { connectMaintenance } from '../../maintenance/simulation/connect-maintenance.ts';
import { RequestWay } from '../../simulate/request-way.ts';
import { runUntil } from '../../simulate/run-until.ts';
import { BusyTime, LEAST } from '../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { Administrator, type Duty } from './administrator.ts';
import { ConsumingClient, SESSION_MS } from './consuming-client.ts';
import { FINAL_READER, History, KEPT, type Named, REMADE } from './history.ts';
import { anyMaintainerOptions, Maintainer, type MaintainerOptions } from './maintainer.ts';
import { ProducingClient } from './producing-client.ts';
import { ReadingClient } from './reading-client.ts';
import { damagesIn, spoilOneObject } from './rotten-object.ts';

/** Longer than any run needs: a run that does more goes round in a circle. */
const MAX_EVENTS = 150_000;
const MEMBERS_MOST = 5;

/** Group changes are judged by what members tell. */
const UNWATCHED: GroupWatch = { onGroup() {}, onBeat() {}, onClaim() {}, onCommit() {} };

class Run {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly world: MemberProcess;
  readonly base: DelayStore & MaintenancePorts;
  readonly oracle: Oracle;
  readonly history: History;
  readonly way: RequestWay;
  readonly network: Network;
  readonly groups: GroupNetwork;
  readonly busy: BusyTime;
  readonly direct: Millrace;
  readonly producers: ProducingClient[] = [];
  readonly members: ConsumingClient[] = [];
  readonly others: (Administrator | ReadingClient)[] = [];
  readonly durationMs: number;
  readonly remadeCount: number;
  readonly assignor: AssignorName;
  readonly maintenance: MaintainerOptions;
  #names = 0;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    const dice = new Dice(seed);
    const { time } = this;
    this.dice = dice;
    shrinkLimits(dice);
    Object.assign(limits, { clockConfirmMs: dice.pick([0, 20]), compactionAgeMs: dice.pick([0, 500, 3_000]) });
    this.maintenance = anyMaintainerOptions(dice);
    this.world = new MemberProcess(time, 'w', 0);
    this.base = memoryStore({ clock: this.world });
    this.direct = new Millrace({ store: this.base, clock: this.world, random: dice });
    this.oracle = new Oracle({ time, base: this.base, keepTrace, keepDigest });
    this.history = new History(time, this.oracle);
    this.durationMs = dice.pick([3_000, 10_000, 30_000]);
    this.remadeCount = dice.between(1, 2);
    this.assignor = dice.pick(assignorNames);
    const weather = {
      faultProbability: dice.pick([0.02, 0.05, 0.15]),
      timeoutMs: dice.pick([100, 1_000]),
      lateMs: dice.pick([200, 5_000, 600_000]),
      latencyMs: dice.pick([5, 50]),
      outageEveryMs: dice.chance(0.3) ? 8_000 : Number.POSITIVE_INFINITY,
      outageMs: dice.between(400, 2_500),
      slowProbability: dice.pick([0, 0.02]),
    };
    this.way = new RequestWay({ time, dice, recorder: this.oracle, weather, withoutFaults });
    this.network = new Network({ way: this.way, dice, base: this.base, oracle: this.oracle });
    this.groups = new GroupNetwork({ time, dice, base: this.base, watch: UNWATCHED, way: this.way });
    const { way, durationMs } = this;
    this.busy = new BusyTime({ time, way, counts: this.oracle.counts, durationMs });
  }

  /** A process somewhere else, with a clock of its own. */
  connect(kind: string): { readonly process: MemberProcess; readonly millrace: Millrace } {
    const { dice, time, oracle } = this;
    const skewMs = dice.chance(0.8) ? dice.between(-2_000, 2_000) : dice.between(-900_000, 900_000);
    const process = new MemberProcess(time, `${kind}${this.#names++}`, skewMs);
    oracle.count('clients');
    const witness = { name: process.name, isAlive: true, memberId: null, holds: new Set<number>() };
    const store: DelayStore = {
      ...this.base,
      ...this.network.connect(process),
      ...this.groups.connectGroups(process, witness),
    };
    return { process, millrace: new Millrace({ store, clock: process, random: dice }) };
  }

  /** Partitions that clients may know of. */
  readonly targets = (): readonly Named[] => {
    const kept = this.oracle.living.filter(({ partition }) => partition.topicId === this.#keptId);
    const remade = Array.from({ length: this.remadeCount }, (_, partition) => ({ topic: REMADE, partition }));
    return [...kept.map(({ partition }) => ({ topic: KEPT, partition: partition.partition })), ...remade];
  };

  #keptId = '';

  async makeTopics(): Promise<void> {
    const { topics } = this.base;
    // Every topic that comes to be is known by name from the moment on.
    this.base.topics.createHeads = ((create) => async (args) => {
      const outcome = await create.call(topics, args);
      if (outcome === 'done') this.history.named(args.topicName, args.topicId);
      return outcome;
    })(topics.createHeads);
    const keptCount = this.dice.between(LEAST.partitions - this.remadeCount, 3);
    for (const [name, partitionCount] of [
      [KEPT, keptCount],
      [REMADE, this.remadeCount],
    ] as const) {
      const { topicId, domain } = await this.direct.topics.createTopic({ name, partitionCount });
      if (name === KEPT) this.#keptId = topicId;
      for (let partition = 0; partition < partitionCount; partition++) {
        this.oracle.count('partitions');
        await this.oracle.watch({ topicId, partition }, domain);
      }
    }
  }

  addProducer(): void {
    const { dice, time, history, targets } = this;
    const deliveryTimeoutMs = dice.pick([800, 5_000, 30_000]);
    const client = new ProducingClient({ ...this.connect('p'), time, dice, history, targets, deliveryTimeoutMs });
    this.producers.push(client);
    client.start(this.busy, dice.pick([30, 300]));
    const { process } = client;
    if (dice.chance(0.3))
      time.schedule(dice.between(0, this.durationMs), () => process.jump(dice.between(-30_000, 30_000)));
    if (dice.chance(0.3))
      time.schedule(dice.between(0, this.durationMs), () => this.#crash(process, () => this.addProducer()));
  }

  #crash(process: Process, replace: () => void): void {
    if (this.busy.isOver || !process.alive) return;
    this.oracle.note(`${process.name} crashes`, null);
    this.oracle.count('crashes');
    process.alive = false;
    if (this.#names < 20) replace();
  }

  addMember(): ConsumingClient {
    const { dice, time, history } = this;
    const client = new ConsumingClient({ ...this.connect('m'), dice, history, assignors: [this.assignor] });
    this.members.push(client);
    time.schedule(0, () => client.start());
    this.#planTrouble(client);
    return client;
  }

  #planTrouble(client: ConsumingClient): void {
    const { dice, time, history } = this;
    const trouble = dice.pick(['none', 'crash', 'stop', 'close'] as const);
    const member = client.process.name;
    const replace = () => {
      if (this.members.length < MEMBERS_MOST) time.schedule(dice.between(0, 5_000), () => this.#joinIfBusy());
    };
    if (trouble === 'none') return;
    time.schedule(dice.between(500, this.durationMs), () => {
      if (!client.isOpen || this.busy.isOver) return;
      if (trouble === 'crash') {
        history.tellOfMember({ member, kind: 'killed' });
        this.#crash(client.process, replace);
      } else if (trouble === 'stop') {
        const stopMs = dice.pick([2_000, 25_000]);
        history.tellOfMember({ member, kind: 'stopped' });
        client.process.stop(stopMs);
        time.schedule(stopMs, () => history.tellOfMember({ member, kind: 'woken' }));
      } else {
        void client.close();
        replace();
      }
    });
  }

  #joinIfBusy(): void {
    if (!this.busy.isOver) this.addMember();
  }

  addAdministrator(): void {
    const { dice, time, history, targets } = this;
    const all: readonly Duty[] = [
      { kind: 'trim' },
      { kind: 'grow', topic: KEPT },
      { kind: 'remake', topic: REMADE, partitionCount: this.remadeCount },
    ];
    const duties = all.filter(() => dice.chance(0.6));
    if (duties.length === 0) return;
    const client = new Administrator({ ...this.connect('a'), dice, history, targets, duties });
    this.others.push(client);
    void client.run(this.busy, dice.pick([1_000, 8_000]));
    if (dice.chance(0.4))
      time.schedule(dice.between(0, this.durationMs), () => this.#crash(client.process, () => this.addAdministrator()));
  }

  addKeepers(): void {
    const { base, time, dice, oracle } = this;
    for (let count = dice.between(0, 2); count > 0; count--) {
      const process = new MemberProcess(time, `k${this.#names++}`, dice.between(-2_000, 2_000));
      oracle.count('clients');
      const partitions = () => oracle.living.map(({ partition }) => partition);
      startKeeper(
        {
          process,
          store: this.network.connect(process),
          base,
          time,
          dice,
          oracle,
          partitions,
          retains: false,
          collects: true,
          compacts: true,
          hotShare: 0,
        },
        this.busy,
        dice.pick([50, 500]),
      );
    }
  }

  addMaintainers(): void {
    for (let count = this.dice.between(0, 2); count > 0; count--) this.#addMaintainer();
  }

  #makeMaintainer(): Maintainer {
    const { dice, oracle, maintenance: options } = this;
    const process = new MemberProcess(this.time, `t${this.#names++}`, dice.between(-2_000, 2_000));
    oracle.count('clients');
    return new Maintainer({ process, store: connectMaintenance(this, process), dice, oracle, options });
  }

  #addMaintainer(): void {
    const { dice, time, durationMs } = this;
    const maintainer = this.#makeMaintainer();
    const { process } = maintainer;
    void maintainer.run(this.busy);
    const trouble = dice.pick(['none', 'crash', 'stop'] as const);
    if (trouble === 'none') return;
    time.schedule(dice.between(0, durationMs), () => {
      if (trouble === 'stop') process.stop(dice.pick([500, 8_000]));
      else this.#crash(process, () => this.#addMaintainer());
    });
  }

  /** Runs until `isOver`, or `limitMs` from now; false when that was too short. */
  until(limitMs: number, isOver: () => boolean): Promise<boolean> {
    return runUntil(this, { limitMs, maxEvents: MAX_EVENTS }, isOver);
  }

  async within(limitMs: number, what: string, action: () => Promise<unknown>): Promise<void> {
    let isOver = false;
    this.time.schedule(0, () => {
      void action().finally(() => {
        isOver = true;
      });
    });
    const ended = await this.until(limitMs, () => isOver);
    this.oracle.expect(ended, 'Progress', () => `${what} did not end`);
  }

  async whole(): Promise<void> {
    const { dice } = this;
    await this.makeTopics();
    for (let count = dice.between(1, 3); count > 0; count--) this.addProducer();
    for (let count = dice.between(1, 3); count > 0; count--) this.addMember();
    const { history } = this;
    const reader = new ReadingClient({ ...this.connect('r'), dice, history, topics: [KEPT, REMADE] });
    this.others.push(reader);
    void reader.run(this.busy);
    this.addAdministrator();
    this.addKeepers();
    this.addMaintainers();
    while ((this.oracle.counts.get('clients') ?? 0) < LEAST.clients) this.addProducer();
    await this.until(Number.POSITIVE_INFINITY, () => this.busy.isOver);
    await this.#settle();
    this.#judge();
    if (this.oracle.violation === null) await this.#verify();
  }

  /** The network is well again: everybody closes, every late request takes effect, and what is written then is read by everybody. */
  async #settle(): Promise<void> {
    this.way.calm = true;
    const open = [
      ...this.producers.filter(({ process }) => process.alive),
      ...this.members.filter(({ isOpen }) => isOpen),
    ];
    await this.within(200_000, 'closing', () => Promise.all(open.map((client) => client.close())));
    await this.until(Number.POSITIVE_INFINITY, () => false);
    await this.within(60_000, 'making the topic again', () => this.#remakeIfGone());
    const { dice, time, history, targets } = this;
    const last = new ProducingClient({ ...this.connect('p'), time, dice, history, targets, deliveryTimeoutMs: 30_000 });
    await this.within(60_000, 'one more record everywhere', () => last.sendEverywhere());
    await this.within(60_000, 'closing', () => last.close());
    // Now and then what is read to the end is as it was written.
    if (this.dice.chance(0.7)) await this.within(600_000, 'maintenance', () => this.#makeMaintainer().finish());
    await this.#readAll();
    const member = this.addMember();
    const isRead = () => [...this.oracle.living].every((truth) => history.isGiven(truth));
    const ended = await this.until(SESSION_MS * 40, isRead);
    this.oracle.expect(ended, 'Nothing skipped', () => 'the group was not given everything');
    await this.within(60_000, 'closing', () => (member.isOpen ? member.close() : Promise.resolve()));
    await this.until(Number.POSITIVE_INFINITY, () => false);
  }

  async #remakeIfGone(): Promise<void> {
    const { dice, history, targets } = this;
    const client = new Administrator({ ...this.connect('a'), dice, history, targets, duties: [] });
    const made = await client.make(REMADE, this.remadeCount);
    this.oracle.expect(made, 'Progress', () => 'the topic cannot be made again');
  }

  async #readAll(): Promise<void> {
    const { dice, history } = this;
    const reader = new ReadingClient({ ...this.connect('r'), dice, history, topics: [KEPT, REMADE] });
    let isWhole = false;
    await this.within(600_000, 'reading it all', async () => {
      isWhole = await reader.readOnce(FINAL_READER);
    });
    this.oracle.expect(isWhole, 'Progress', () => `reading it all ended with ${String(reader.failure)}`);
  }

  /** What was written is sound; and what is damaged then is found. */
  async #verify(): Promise<void> {
    const { base, dice, oracle, world: clock } = this;
    const parts = { base, dice, oracle, clock };
    await this.within(60_000, 'verifying', async () => {
      const [damage] = await damagesIn(parts);
      oracle.expect(damage === undefined, 'Sound', () => `${damage!.message} (${damage!.partition})`);
      if (damage === undefined && dice.chance(0.3)) await spoilOneObject(parts);
    });
  }

  #judge(): void {
    const { oracle } = this;
    for (const { process, failure } of [...this.members, ...this.others])
      oracle.expect(failure === null, 'Answer', () => `${process.name} ended with ${String(failure)}`);
    if (oracle.violation !== null) return;
    const problems = this.history.judge({ graceMs: SESSION_MS });
    oracle.expect(
      problems.length === 0,
      'History',
      () => `${problems.length} problems, ${problems.slice(0, 5).join('; ')}`,
    );
  }
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateWhole(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const before = { ...limits };
  try {
    const run = new Run(seed, options);
    await run.whole();
    const { violation, counts, trace } = run.oracle;
    return { seed, violation, digest: run.oracle.digest(), counts, trace };
  } finally {
    Object.assign(limits, before);
  }
}
