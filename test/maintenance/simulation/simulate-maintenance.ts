/** One simulated life of a log with retention, collection and forks, all of which follows from its seed: producers, readers, rollers and compactors as in the simulation of the log, processes of maintenance that crash and stop, and processes that fork topics and delete them. */

import { MillraceError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { partitionPk } from '../../../lib/log/partition-key.ts';
import { TopicAdmin } from '../../../lib/log/topic-admin.ts';
import { verifyTopic } from '../../../lib/log/verify-topic.ts';
import type { CompactionRules } from '../../../lib/maintenance/compaction-plan.ts';
import type { MaintenancePorts } from '../../../lib/maintenance/jobs.ts';
import { namesObjects } from '../../../lib/maintenance/roll-old-tail.ts';
import { type MaintenanceOptions, runMaintenance } from '../../../lib/maintenance/run-maintenance.ts';
import { decodeSegment } from '../../../lib/segment/decode-segment.ts';
import { MemberProcess } from '../../group/simulation/member-process.ts';
import type { PartitionTruth } from '../../log/simulation/partition-truth.ts';
import { LogRun } from '../../log/simulation/simulate.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { connectMaintenance } from './connect-maintenance.ts';
import { DeletionOracle, type SimulatedPolicy } from './deletion-oracle.ts';
import { FORK_NAMES, ForkActor } from './fork-actor.ts';
import { ForkOracle } from './fork-oracle.ts';

/** Processes of maintenance at a time, and in all. */
const WORKERS = 2;
const WORKERS_MOST = 6;
/** Processes that fork, in all. */
const FORKERS_MOST = 3;
/** The first topic lives as long as the run; the other may be deleted, as forks may. */
const TOPICS = ['topic-0', 'topic-1'] as const;

class MaintenanceRun extends LogRun {
  override readonly retains = false;
  override readonly collects = false;
  readonly #policies = new Map<string, SimulatedPolicy>();
  readonly #windowMs: number;
  readonly #freshMs: number;
  readonly #saveEveryMs: number;
  readonly #takeMs: number;
  readonly #turnMs: number;
  readonly #compaction: CompactionRules;
  readonly #deletions: DeletionOracle;
  readonly #forks: ForkOracle;
  #workers = 0;
  #forkers = 0;

  constructor(seed: number, options: SimulateOptions) {
    super(seed, options);
    const { dice, oracle, time } = this;
    this.#windowMs = dice.pick([0, 0, 500, 4_000]);
    this.#freshMs = dice.pick([0, 100, 1_000]);
    this.#saveEveryMs = dice.pick([0, 20, 500]);
    this.#takeMs = dice.pick([300, 3_000]);
    this.#turnMs = dice.pick([0, 1_500, 60_000]);
    Object.assign(limits, { clockConfirmMs: dice.pick([0, 20, 300]), compactionAgeMs: dice.pick([0, 200, 2_000]) });
    this.#compaction = {
      objectBytes: dice.pick([500, 3_000, 100_000]),
      worthBytes: dice.pick([0, 500, 3_000]),
      waitMs: dice.pick([0, 500, 5_000]),
    };
    const policyOf = (truth: PartitionTruth) => this.#policies.get(truth.partition.topicId) ?? NO_POLICY;
    this.#deletions = new DeletionOracle({ oracle, time, policyOf, windowMs: this.#windowMs });
    oracle.deletions = this.#deletions;
    const onMade = (topicId: string, sourceId: string) => this.#policies.set(topicId, this.#policies.get(sourceId)!);
    this.#forks = new ForkOracle({ oracle, base: this.base, onMade });
    oracle.forks = this.#forks;
  }

  override configOf(name: string): Readonly<Record<string, string>> {
    const { dice } = this;
    const maxAgeMs = dice.chance(0.6) ? dice.between(0, 6_000) : null;
    const minBytes = dice.chance(0.4) ? dice.between(0, 3_000) : null;
    this.#policies.set(name, { maxAgeMs, minBytes });
    return { 'retention.ms': String(maxAgeMs ?? -1), 'retention.bytes': String(minBytes ?? -1) };
  }

  override async createPartitions(): Promise<void> {
    await super.createPartitions();
    for (const name of TOPICS) {
      const topic = await this.base.topics.get(name);
      if (topic !== null) this.#policies.set(topic.topicId, this.#policies.get(name)!);
    }
  }

  override addKeepers(): void {
    super.addKeepers();
    for (let count = this.dice.between(1, WORKERS); count > 0; count--) this.#addWorker();
    if (this.dice.chance(0.5)) this.#addTrimmer();
    for (let count = this.dice.pick([0, 1, 1, 2]); count > 0; count--) this.#addForker();
  }

  #process(): MemberProcess {
    this.#workers += 1;
    this.oracle.count('clients');
    return new MemberProcess(this.time, `m${this.#workers}`, this.dice.between(-900_000, 900_000));
  }

  #makeForker(): { readonly process: MemberProcess; readonly actor: ForkActor } {
    const { dice, oracle, base, time } = this;
    const process = this.#process();
    const store = connectMaintenance(this, process);
    const mayDeleteAll = dice.chance(0.2);
    const mortal = () => [...FORK_NAMES, ...(mayDeleteAll ? TOPICS.slice(1) : [])];
    const parts = { process, store, base, dice, time, oracle, judge: this.#forks, mortal };
    return { process, actor: new ForkActor(parts) };
  }

  /** Forks and deletes; is killed or stopped now and then, and another comes in its place. */
  #addForker(): void {
    const { dice, durationMs } = this;
    this.#forkers += 1;
    const { process, actor } = this.#makeForker();
    void actor.run(this.busy, dice.pick([500, 3_000]));
    this.#trouble(process, dice.pick(['none', 'crash', 'stop'] as const), dice.between(0, durationMs), () => {
      if (!this.busy.isOver && this.#forkers < FORKERS_MOST) this.#addForker();
    });
  }

  /** Runs jobs again and again, in slices of any length; crashes, stops, or is set another time now and then. */
  #addWorker(): void {
    const { dice, durationMs } = this;
    const process = this.#process();
    void this.#work(process);
    const again = () => {
      if (!this.busy.isOver && this.#workers < WORKERS_MOST) this.#addWorker();
    };
    this.#trouble(process, dice.pick(['none', 'crash', 'stop', 'jump'] as const), dice.between(0, durationMs), again);
  }

  #trouble(
    process: MemberProcess,
    trouble: 'none' | 'crash' | 'stop' | 'jump',
    afterMs: number,
    again: () => void,
  ): void {
    const { dice, time, oracle } = this;
    time.schedule(afterMs, () => {
      if (trouble === 'crash') {
        oracle.count('crashes');
        process.alive = false;
        again();
      }
      if (trouble === 'stop') {
        oracle.count('stops');
        process.stop(dice.pick([500, 4_000, 60_000]));
        again();
      }
      if (trouble === 'jump') process.jump(dice.between(-1e9, 1e9));
    });
  }

  async #work(process: MemberProcess): Promise<void> {
    const { dice } = this;
    const store = connectMaintenance(this, process);
    while (process.alive && !this.busy.isOver) {
      const deadlineMs = process.monotonicMs() + dice.magnitude(20, 5_000);
      await this.#maintain(store, process, { deadlineMs });
      await process.sleep(dice.magnitude(10, 1_000));
    }
  }

  async #maintain(
    store: LogStore & MaintenancePorts,
    process: MemberProcess,
    options: Pick<MaintenanceOptions, 'deadlineMs' | 'waitMs'>,
  ): Promise<boolean> {
    const { dice: random, oracle } = this;
    const runs = await runMaintenance(
      { store, clock: process, random },
      {
        evenIfNotDue: true,
        restoreWindowMs: this.#windowMs,
        freshMs: this.#freshMs,
        saveEveryMs: this.#saveEveryMs,
        takeMs: this.#takeMs,
        turnMs: this.#turnMs,
        ...this.#compaction,
        ...options,
      },
    );
    for (const { job, result } of runs) {
      oracle.count(`${job} ${result.outcome}`);
      if (result.outcome === 'failed')
        oracle.expect(
          result.error.retriable,
          'Maintenance',
          () => `${job} failed: ${result.error.stack} ${(result.error.cause as Error | undefined)?.stack ?? ''}`,
        );
    }
    return runs.every(({ result }) => result.outcome === 'done');
  }

  /** Deletes records by hand, of whatever topic has a name by then. */
  #addTrimmer(): void {
    const { dice, time, oracle } = this;
    const process = this.#process();
    const next = async () => {
      if (this.busy.isOver) return;
      const { partition, head } = dice.pick(oracle.living);
      const offset = head.start + BigInt(dice.between(0, Number(head.next - head.start)));
      const store = this.#allowingTrims(connectMaintenance(this, process), { ...partition, offset });
      const name = (await this.#nameOf(partition.topicId)) ?? FORK_NAMES[0];
      try {
        await new TopicAdmin({ store, clock: process, random: dice }).trimPartition(name, partition.partition, offset);
      } catch (error) {
        const isPassing = error instanceof MillraceError && (error.retriable || name !== TOPICS[0]);
        oracle.expect(isPassing, 'Trim', () => String(error));
      }
      time.schedule(dice.magnitude(50, 3_000), next);
    };
    time.schedule(dice.between(0, 1_000), next);
  }

  /** A topic may have been made anew under its name: whichever is found is about to be trimmed. */
  #allowingTrims(
    store: LogStore,
    { partition, offset }: { readonly partition: number; readonly offset: bigint },
  ): LogStore {
    const get = async (name: string) => {
      const topic = await store.topics.get(name);
      if (topic !== null) this.#deletions.allowTrim({ topicId: topic.topicId, partition }, offset);
      return topic;
    };
    return { ...store, topics: { ...store.topics, get } };
  }

  async #nameOf(topicId: string): Promise<string | null> {
    for (const name of await this.base.topics.list(null, 10))
      if ((await this.base.topics.get(name))?.topicId === topicId) return name;
    return null;
  }

  /** A fork that is made when all is well is there; and what half made ones have left is deleted. */
  async #forkOnceMore(): Promise<void> {
    const { dice, base, oracle } = this;
    const { actor } = this.#makeForker();
    for (const name of await base.topics.list(null, 10))
      if ((await base.topics.get(name))?.state !== 'active' || name === FORK_NAMES[0]) await actor.delete(name);
    const isMade = await actor.fork(dice.pick(await base.topics.list(null, 10)), FORK_NAMES[0]);
    oracle.expect(isMade, 'Progress', () => 'a topic cannot be forked although all is well');
  }

  /** All that has expired is gone, and all that nothing names, behind whatever was under way and some passes more, since each goes by the time of the one before, and what is rewritten leaves more to collect; and what is left is sound. */
  override async atRest(): Promise<void> {
    const process = this.#process();
    const store = connectMaintenance(this, process);
    // Clocks that ran ahead have made ids of a time that has to pass first.
    await this.#wait(1_200_000);
    if (this.#forkers > 0) await this.within(60_000, 'one more fork', () => this.#forkOnceMore());
    for (let pass = 0; pass < 8; pass++) {
      await this.#wait(this.#passMs);
      await this.within(600_000, 'maintenance', async () => {
        const isDone = await this.#maintain(store, process, { deadlineMs: Number.POSITIVE_INFINITY, waitMs: 0 });
        this.oracle.expect(isDone, 'Progress', () => 'maintenance was not done although all is well');
      });
    }
    if (this.oracle.violation !== null) return;
    await this.#expectClean();
  }

  /** What somebody else has put under a name of level 1 does not tell who may name it; and a keeper who was killed may leave an object of which a chunk is still as it was. */
  async #mayStay(key: string): Promise<boolean> {
    if (!/\/1\/[0-9a-f]\//.test(key)) return false;
    try {
      const index = decodeSegment((await this.base.objects.get(key, 0, 1e9))!);
      return (
        index.level === 1 &&
        index.regions.some(({ topicId, partition, baseOffset, chunkVersion }) => {
          const truth = this.oracle.partitions.get(partitionPk({ topicId, partition }));
          // Whatever is in the domain of a fork was put before it was made, or by nobody else.
          if (truth === undefined || truth.isGone || !key.startsWith(`${truth.domain}/`)) return false;
          const chunk = truth.chunks.get(baseOffset);
          return chunk !== undefined && chunk.version <= chunkVersion;
        })
      );
    } catch {
      return true;
    }
  }

  /** Between two passes when all is at rest. */
  get #passMs(): number {
    return 20_000 + this.#windowMs + this.#freshMs;
  }

  async #wait(durationMs: number): Promise<void> {
    let isOver = false;
    this.time.schedule(durationMs, () => {
      isOver = true;
    });
    await this.until(Number.POSITIVE_INFINITY, () => isOver);
  }

  async #expectClean(): Promise<void> {
    const { base, oracle, dice: random } = this;
    for (const truth of oracle.living) {
      const { head, chunks, partition } = truth;
      // The last pass went by the time of the one before the one before.
      const expected = this.#deletions.expectedStart(truth, 3 * this.#passMs);
      oracle.expect(
        head.start >= expected,
        'Freed',
        () => `partition ${partition.partition} begins at ${head.start}, not ${expected}`,
      );
      const dead = [...chunks.values()].find(({ end }) => end <= head.start);
      oracle.expect(dead === undefined, 'Freed', () => `chunk ${dead!.base}-${dead!.end} is left below ${head.start}`);
      // Keepers rewrite chunks anywhere, and what they leave in between is not looked for.
      const last = [...chunks.values()].find(({ end }) => end === head.tailBase);
      oracle.expect(!namesObjects(head), 'Rewritten', () => `the tail from ${head.tailBase} on names objects`);
      oracle.expect(last?.level !== 0, 'Rewritten', () => `chunk ${last!.base}-${last!.end} is as it was rolled`);
    }
    const keys = (await base.objects.list('', null, 1_000)).map(({ key }) => key);
    const garbage: string[] = [];
    for (const key of this.#deletions.garbage(keys)) if (!(await this.#mayStay(key))) garbage.push(key);
    oracle.expect(garbage.length === 0, 'Freed', () => `${garbage.length} objects are left, ${garbage[0]}`);
    const clock = this.process('v');
    for (const name of await base.topics.list(null, 10)) {
      const { partitions } = await verifyTopic({ store: base, clock, random }, name, { deep: true });
      const [damage] = partitions.flatMap((one) => one.damages);
      oracle.expect(damage === undefined, 'Sound', () => damage!.message);
    }
  }
}

const NO_POLICY: SimulatedPolicy = { maxAgeMs: null, minBytes: null };

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateMaintenance(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const before = { ...limits };
  try {
    const run = new MaintenanceRun(seed, options);
    await run.whole();
    const { violation, counts, trace } = run.oracle;
    return { seed, violation, digest: run.oracle.digest(), counts, trace };
  } finally {
    Object.assign(limits, before);
  }
}
