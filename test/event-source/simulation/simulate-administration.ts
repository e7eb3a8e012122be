/**
 * One simulated life of a subscription whose administrators are killed between any two requests, all of which follows from its seed: it is made, changed, paused, sought and deleted, its dead letters are sent back by hand and on a schedule, and discarded. Whoever
 * was killed repeats his command; then everything is as if he had not been.
 */
import { Millrace } from '../../../lib/client/millrace.ts';
import type { Producer } from '../../../lib/client/producer.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { DeadLetters } from '../../../lib/event-source/dead-letters.ts';
import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import { FAILURE_HEADERS } from '../../../lib/event-source/failed-record.ts';
import { findRetries } from '../../../lib/event-source/find-subscription.ts';
import { DEAD_LETTER_TIER } from '../../../lib/event-source/function-subscription.ts';
import { deadLetterGroup } from '../../../lib/event-source/retry-topics.ts';
import { type Ring, routeRings } from '../../../lib/event-source/router.ts';
import { redriveOnSchedule } from '../../../lib/event-source/scheduled-redrive.ts';
import { SubscriptionAdmin } from '../../../lib/event-source/subscription-admin.ts';
import { allSubscriptions, sweepSubscriptions } from '../../../lib/event-source/sweeper.ts';
import type { WakeRequest } from '../../../lib/event-source/wake-request.ts';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { MemberProcess } from '../../group/simulation/member-process.ts';
import { Dice, START_MS, VirtualTime } from '../../log/simulation/virtual-time.ts';
import { RequestWay } from '../../simulate/request-way.ts';
import { RunRecorder } from '../../simulate/run-recorder.ts';
import { LEAST } from '../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { type Command, drawCommand, MAX_REDRIVES, REDRIVE, TOPICS } from './administration-command.ts';
import { faultyPorts } from './faulty-ports.ts';
import { LettersOracle } from './letters-oracle.ts';

const NAME = 'billing';
const LETTERS = `${NAME}.dlq`;
const COMMANDS = 12;
const MINUTE_MS = 60_000;
/** What a command may be refused with, however often it is repeated. */
const REFUSALS = new Set([
  'SUBSCRIPTION_ALREADY_EXISTS',
  'SUBSCRIPTION_NOT_FOUND',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_CONFIG',
]);
/** What makes everything that belongs to a subscription say the same. */
const MENDING: ReadonlySet<string> = new Set(['update', 'pause', 'resume', 'delete']);
interface Tools {
  readonly admin: SubscriptionAdmin;
  readonly letters: DeadLetters;
}

class Run {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly recorder: RunRecorder;
  readonly oracle: LettersOracle;
  readonly way: RequestWay;
  readonly base: EventSourceStore;
  readonly world: MemberProcess;
  readonly producer: Producer;
  readonly direct: Tools;
  #processes = 0;
  #isSweeping = true;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    this.dice = new Dice(seed);
    const { dice, time } = this;
    this.recorder = new RunRecorder(time, { keepTrace, keepDigest });
    this.oracle = new LettersOracle(this.recorder);
    this.world = new MemberProcess(time, 'w', 0);
    this.base = memoryStore({ clock: this.world });
    this.producer = new Millrace({ store: this.base, clock: this.world, random: dice }).producer();
    const weather = {
      faultProbability: dice.pick([0.01, 0.05]),
      timeoutMs: 500,
      lateMs: 5_000,
      latencyMs: 20,
      outageEveryMs: Number.POSITIVE_INFINITY,
      outageMs: 0,
      slowProbability: 0,
    };
    this.way = new RequestWay({ time, dice, recorder: this.recorder, weather, withoutFaults });
    this.direct = this.#toolsOf(this.base, this.world);
    for (const _ of [...TOPICS, LETTERS]) this.recorder.count('partitions');
  }

  #spawn(kind: string): MemberProcess {
    this.recorder.count('clients');
    return new MemberProcess(this.time, `${kind}${this.#processes++}`, 0);
  }

  #storeOf(process: MemberProcess): EventSourceStore {
    const onDone = (request: string, args: readonly unknown[]) => {
      if (request !== 'bells.ring') return;
      const [{ group, partition }] = args as [{ group: string; partition: Ring['partition'] }];
      this.#ring({ group, partition, head: null });
    };
    return faultyPorts(this.base, { way: this.way, process, onDone });
  }

  #toolsOf(store: EventSourceStore, process: MemberProcess): Tools {
    const { dice: random } = this;
    const admin = new SubscriptionAdmin({ store, clock: process, random });
    const fetcher = new Fetcher({ store, clock: process, random });
    const records = this.#recordsOf(process);
    return {
      admin,
      letters: new DeadLetters({ store, clock: process, random, fetcher, subscriptions: admin, records }),
    };
  }

  /** Sends letters back; some of them fail once more, and come to the dead letters again. */
  #recordsOf(process: MemberProcess) {
    return {
      send: (
        _: string,
        { value, headers }: { value: Uint8Array | null; headers: readonly { key: string; value: Uint8Array | null }[] },
      ) =>
        this.way.send(process, {
          name: 'send a letter back',
          effect: async () => {
            const name = Buffer.from(value!).toString();
            this.oracle.onSent(name);
            const redrives = headers.find(({ key }) => key === FAILURE_HEADERS.redrives)!.value!;
            if (this.dice.chance(0.3)) await this.#die(name, Number(Buffer.from(redrives).toString()));
          },
        }),
    };
  }

  async #die(name: string, redrives: number): Promise<void> {
    const headers = { [FAILURE_HEADERS.group]: NAME, [FAILURE_HEADERS.redrives]: `${redrives}` };
    const { offset } = await this.producer.send({ topic: LETTERS, value: name, headers });
    this.oracle.onDead(offset, name);
    const partition = await this.#place();
    this.#ring({ partition, head: await this.base.heads.read(partition, { consistent: true }), group: null });
  }

  async #place(): Promise<Ring['partition']> {
    return { topicId: (await this.base.topics.get(LETTERS))!.topicId, partition: 0 };
  }

  /** A bell or a head comes to the router, unless it is lost; only what goes back by itself has a worker here. */
  #ring(ring: Ring): void {
    if (!this.way.calm && this.dice.chance(0.05)) return;
    this.time.schedule(this.dice.between(5, 200), () => void this.#route([ring]));
  }

  readonly #waker = {
    wake: async (request: WakeRequest) => {
      if (request.subscription.retry?.tier !== DEAD_LETTER_TIER) return;
      this.time.schedule(this.dice.between(5, 100), () => void this.#work(request));
    },
  };

  async #route(rings: readonly Ring[]): Promise<void> {
    const process = this.#spawn('r');
    const deps = { store: this.#storeOf(process), clock: process, random: this.dice };
    await routeRings(deps, this.#waker, rings).catch((error: unknown) =>
      this.recorder.note('routing failed', String(error)),
    );
  }

  #sweep(): void {
    this.time.schedule(MINUTE_MS, () => {
      if (!this.#isSweeping) return;
      const process = this.#spawn('s');
      const deps = { store: this.#storeOf(process), clock: process, random: this.dice };
      sweepSubscriptions(deps, this.#waker).catch((error: unknown) =>
        this.recorder.note('sweep failed', String(error)),
      );
      this.#sweep();
    });
  }

  async #work(request: WakeRequest): Promise<void> {
    const process = this.#spawn('k');
    this.#perhapsKill(process);
    const { dice: random } = this;
    const store = this.#storeOf(process);
    const deps = {
      store,
      clock: process,
      random,
      fetcher: new Fetcher({ store, clock: process, random }),
      records: this.#recordsOf(process),
      sink: { send: async () => {} },
      onNews: ({ kind }: { readonly kind: string }) => this.recorder.count(`news ${kind}`),
      wakeUps: {
        book: ({ group, partition, atMs }: { group: string; partition: Ring['partition']; atMs: number }) =>
          this.way.send(process, {
            name: 'book',
            effect: async () => {
              const delayMs = Math.max(0, atMs - START_MS - this.time.nowMs);
              this.time.schedule(delayMs, () => void this.#route([{ group, partition, head: null, atMs }]));
            },
          }),
      },
    };
    await redriveOnSchedule(deps, request, { deadlineMs: process.monotonicMs() + 20_000 }).catch((error: unknown) =>
      this.recorder.note('redrive failed', String(error)),
    );
  }

  /** Between any two requests. */
  #perhapsKill(process: MemberProcess): void {
    if (this.way.calm || !this.dice.chance(0.5)) return;
    this.time.schedule(this.dice.magnitude(1, 2_000), () => {
      if (this.way.calm) return;
      this.recorder.count('crash');
      this.recorder.note(`${process.name} is killed`);
      process.alive = false;
    });
  }

  async #carryOut({ kind, topic, options, prefix }: Command, { admin, letters }: Tools): Promise<unknown> {
    const filters = [{ value: [{ prefix }] }];
    switch (kind) {
      case 'create':
        return admin.create({ name: NAME, topic, target: 'bill', options });
      case 'update':
        return admin.update(NAME, options);
      case 'seek':
        return admin.seek(NAME, { to: 'LATEST' });
      case 'redrive':
        return letters.redrive(NAME, { filters, maxRedrives: MAX_REDRIVES });
      case 'discard':
        this.oracle.onDiscard(prefix);
        return letters.discard(NAME, { filters });
      default:
        return admin[kind](NAME);
    }
  }

  /** Once by somebody who may be killed, then by others until it is answered. */
  async #command(command: Command): Promise<void> {
    this.recorder.note(`command ${command.kind} ${command.topic}`, JSON.stringify(command.options));
    for (let attempt = 0; ; attempt++) {
      const process = this.#spawn('a');
      if (attempt < 3) this.#perhapsKill(process);
      const dead = this.#untilDead(process);
      const outcome = await Promise.race([this.#attempt(command, process), dead]);
      this.recorder.note(`${command.kind} ended`, outcome);
      if (outcome === 'done' || REFUSALS.has(outcome)) {
        this.recorder.count(outcome === 'done' ? `did ${command.kind}` : 'refused');
        return;
      }
      // Whoever was killed may have left a lease.
      await this.world.sleep(20_000);
    }
  }

  async #attempt(command: Command, process: MemberProcess): Promise<string> {
    try {
      await this.#carryOut(command, this.#toolsOf(this.#storeOf(process), process));
      return 'done';
    } catch (error) {
      if (error instanceof MillraceError) return error.code;
      throw error;
    }
  }

  async #untilDead(process: MemberProcess): Promise<string> {
    while (process.alive) await this.world.sleep(1_000);
    return 'killed';
  }

  async #checkLetters(): Promise<void> {
    try {
      this.oracle.check(await this.direct.letters.list(NAME));
    } catch (error) {
      if (!(error instanceof MillraceError && REFUSALS.has(error.code))) throw error;
    }
  }

  /** Nothing is left of a subscription that is not there, and what belongs to one that is says what it says. */
  async #checkState(): Promise<void> {
    const deps = { store: this.base, clock: this.world, random: this.dice };
    const all = await allSubscriptions(deps);
    const mains = all.filter(({ retry }) => retry === null);
    this.recorder.expect(mains.length < 2, 'One subscription', () => `there are ${mains.length} of one name`);
    const [main] = mains;
    if (main === undefined) {
      // What somebody has made while another deleted it goes with the same command.
      await this.#deleteUntilGone();
      const groups = await this.base.groups.list(null, 100);
      const marks = await this.base.offsets.list(deadLetterGroup(NAME), null, 10);
      const items = await allSubscriptions(deps);
      const left = [...items.map(({ group }) => group), ...groups, ...marks.map(({ topic }) => `marks of ${topic}`)];
      this.recorder.expect(left.length === 0, 'Deleted whole', () => `left: ${left.join(', ')}`);
      return;
    }
    this.recorder.expect(
      (await this.direct.admin.get(NAME)).topicId === main.topicId,
      'Found by name',
      () => main.topic,
    );
    for (const { group, target, options, retry } of await findRetries(deps, NAME)) {
      const isLetters = retry!.tier === DEAD_LETTER_TIER;
      const enabled = main.options.enabled && (!isLetters || main.options.redrive !== null);
      const isSame = target === main.target && options.batchSize === main.options.batchSize;
      this.recorder.expect(
        options.enabled === enabled && (isSame || (isLetters && !enabled)),
        'Of one mind',
        () => `${group} is another than ${NAME}`,
      );
    }
  }

  async #deleteUntilGone(): Promise<void> {
    for (;;) {
      try {
        await this.direct.admin.delete(NAME);
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'SUBSCRIPTION_NOT_FOUND') return;
        throw error;
      }
    }
  }

  async whole(): Promise<void> {
    for (const topic of TOPICS) await this.#topic(topic);
    await this.#topic(LETTERS);
    for (let letter = 0; letter < 12; letter++) await this.#die(`${this.dice.pick(['a', 'b'])}${letter}`, 0);
    this.#sweep();
    let isMixed = false;
    for (let number = 0; number < COMMANDS || this.way.drawn < LEAST.faults; number++) {
      const command = drawCommand(this.dice);
      const other = this.dice.chance(0.2) ? this.#command(drawCommand(this.dice)) : null;
      await this.#command(command);
      await other;
      await this.#checkLetters();
      // Two at once may each have overtaken the other half-way: whoever looks sees one of them when he repeats his.
      if (other !== null) isMixed = true;
      else if (MENDING.has(command.kind)) isMixed = false;
      if (!isMixed) await this.#checkState();
      if (this.recorder.violation !== null) return;
      if (this.dice.chance(0.3)) await this.#die(`${this.dice.pick(['a', 'b'])}x${number}`, 0);
      await this.world.sleep(this.dice.pick([0, 1_000, MINUTE_MS]));
    }
    await this.#end();
  }

  /** Calm at last: what is to go back by itself goes back. */
  async #end(): Promise<void> {
    this.way.calm = true;
    await this.#command({ kind: 'create', topic: 'orders', options: { redrive: REDRIVE }, prefix: '' });
    await this.#command({ kind: 'update', topic: 'orders', options: { redrive: REDRIVE, enabled: true }, prefix: '' });
    await this.#checkState();
    await this.world.sleep(5 * MINUTE_MS);
    this.#isSweeping = false;
    await this.#die('c', 0);
    await this.world.sleep(5 * MINUTE_MS);
    await this.#checkLetters();
    const left = (await this.direct.letters.list(NAME)).filter(({ redrives }) => redrives < MAX_REDRIVES);
    this.recorder.expect(left.length === 0, 'No lost alarm', () => `${left.length} letters have not gone back`);
    await this.#command({ kind: 'delete', topic: 'orders', options: {}, prefix: '' });
    await this.#checkState();
  }

  async #topic(name: string): Promise<void> {
    await new Millrace({ store: this.base, clock: this.world, random: this.dice }).topics.createTopic({
      name,
      partitionCount: 1,
    });
  }
}

/** Runs a seed. */
export async function simulateAdministration(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const run = new Run(seed, options);
  const end: { over: boolean; error: unknown } = { over: false, error: null };
  run.time.schedule(0, () => {
    run.whole().then(
      () => {
        end.over = true;
      },
      (error: unknown) => {
        end.over = true;
        end.error = error;
      },
    );
  });
  while (!end.over && (await run.time.step(Number.POSITIVE_INFINITY))) {
    run.recorder.expect(run.time.eventCount < 300_000, 'Progress', () => 'the run goes round in a circle');
    if (run.recorder.violation !== null) break;
  }
  if (end.error !== null) throw end.error;
  run.recorder.expect(end.over || run.recorder.violation !== null, 'Progress', () => 'a command is never answered');
  const { violation, counts, trace } = run.recorder;
  return { seed, violation, digest: run.recorder.digest(), counts, trace };
}
