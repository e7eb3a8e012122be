/** One simulated life of delayed records, all of which follows from its seed: senders, releasers with a timer, releasers that are woken for a minute, and people who change their minds. */

import { Millrace } from '../../../lib/client/millrace.ts';
import { Producer } from '../../../lib/client/producer.ts';
import { DelayAdmin } from '../../../lib/delay/delay-admin.ts';
import type { WatchedStore } from '../../../lib/delay/delay-store.ts';
import { DelayWriter } from '../../../lib/delay/delay-writer.ts';
import { type DueMinute, MINUTE_MS } from '../../../lib/delay/due-minute.ts';
import { DueReleaser } from '../../../lib/delay/due-releaser.ts';
import { LocalDelays } from '../../../lib/delay/local-delays.ts';
import { hasCode } from '../../../lib/errors.ts';
import { Appender } from '../../../lib/log/appender.ts';
import { TopicAdmin } from '../../../lib/log/topic-admin.ts';
import { TopicDirectory } from '../../../lib/log/topic-directory.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { firstIdAt } from '../../../lib/segment/segment-id.ts';
import { MemberProcess } from '../../group/simulation/member-process.ts';
import { Dice, START_MS, VirtualTime } from '../../log/simulation/virtual-time.ts';
import { RequestWay } from '../../simulate/request-way.ts';
import { BusyTime, LEAST } from '../../simulate/schedule-size.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { DelayNetwork } from './delay-network.ts';
import { DelayOracle } from './delay-oracle.ts';

const TOPIC = 'reminders';
const MAX_EVENTS = 200_000;
const MAX_DELAY_MS = 150_000;
const POLL_MS = 400;
/** Until a call of a function is made again that has not ended. */
const AGAIN_MS = 30_000;
const MAX_TRIES = 6;
/** How often a function that is woken looks for minutes that were rung meanwhile. */
const LISTS_EVERY_MS = 2_000;

class Run {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly oracle: DelayOracle;
  readonly way: RequestWay;
  readonly network: DelayNetwork;
  readonly base: WatchedStore;
  readonly busy: BusyTime;
  readonly direct: Millrace;
  readonly traceMs: number;
  readonly troubleProbability: number;
  readonly isTimer: boolean;
  readonly ids: string[] = [];
  partitionCount = 0;
  topicId = '';
  #numbers = 0;
  #processes = 0;
  #releasers = 0;

  constructor(seed: number, { keepTrace = false, keepDigest = true, withoutFaults = new Set() }: SimulateOptions) {
    this.dice = new Dice(seed);
    const { dice, time } = this;
    const world = new MemberProcess(time, 'w', 0);
    this.base = memoryStore({ clock: world });
    this.direct = new Millrace({ store: this.base, clock: world, random: dice });
    this.traceMs = dice.pick([20_000, 60_000]);
    this.oracle = new DelayOracle(time, this.traceMs, { keepTrace, keepDigest });
    const { oracle, base } = this;
    const weather = {
      faultProbability: dice.pick([0.02, 0.05, 0.15]),
      timeoutMs: dice.pick([100, 2_000]),
      lateMs: dice.pick([200, 5_000, 300_000]),
      latencyMs: dice.pick([5, 50]),
      outageEveryMs: dice.chance(0.2) ? 9_000 : Number.POSITIVE_INFINITY,
      outageMs: dice.between(400, 4_000),
      slowProbability: dice.pick([0, 0, 0.02]),
    };
    this.troubleProbability = dice.pick([0, 0.1, 0.4]);
    this.isTimer = dice.chance(0.6);
    this.way = new RequestWay({ time, dice, recorder: oracle, weather, withoutFaults });
    const watch = { onRing: (minute: DueMinute) => this.#stream(minute) };
    this.network = new DelayNetwork({ base, way: this.way, oracle, watch });
    this.busy = new BusyTime({ time, way: this.way, counts: oracle.counts, durationMs: dice.pick([60_000, 150_000]) });
  }

  /** A process, whose clock is a little wrong, and which may die, stand still for a while, or have its clock set. */
  #spawn(kind: string): MemberProcess {
    const { dice, time, oracle } = this;
    const process = new MemberProcess(time, `${kind}${this.#processes++}`, dice.between(-500, 500));
    oracle.count('clients');
    if (this.way.calm || !dice.chance(this.troubleProbability)) return process;
    time.schedule(dice.magnitude(1, 30_000), () => {
      if (this.way.calm) return;
      const trouble = dice.pick(['crash', 'stop', 'jump'] as const);
      oracle.note(`${process.name}: ${trouble}`);
      oracle.count(trouble);
      if (trouble === 'crash') process.alive = false;
      else if (trouble === 'stop') process.stop(dice.pick([1_000, 20_000, 90_000]));
      else process.jump(dice.pick([-90_000, 90_000]));
    });
    return process;
  }

  /** One who sends for a while. */
  #sender(): void {
    const { dice, time } = this;
    if (this.busy.isOver) return;
    const process = this.#spawn('s');
    const store = this.network.connect(process);
    const deps = { store, clock: process, random: dice };
    const producer = new Producer(
      {
        appender: new Appender(deps),
        delays: new DelayWriter({ ...deps, traceMs: this.traceMs }),
        topics: new TopicDirectory({ source: new TopicAdmin(deps), clock: process, maxAgeMs: 30_000 }),
        clock: process,
        random: dice,
      },
      { deliveryTimeoutMs: dice.pick([500, 10_000]) },
    );
    for (let sends = dice.between(1, 12), atMs = 0; sends > 0; sends--) {
      time.schedule(atMs, () => process.whenRunning(() => this.#send(producer)));
      atMs += dice.pick([0, 0, 1, 700, 8_000]);
    }
    time.schedule(dice.magnitude(500, 20_000), () => this.#sender());
  }

  #send(producer: Producer): void {
    const { dice, oracle } = this;
    if (this.busy.isOver) return;
    const number = this.#numbers++;
    const delay = Math.round(dice.pick([1_000, dice.magnitude(1_000, MAX_DELAY_MS), dice.between(2, 20) * 1_000]));
    const value = `${number} ${dice.chance(0.15) ? 'x'.repeat(4_000) : ''}`;
    const partition = dice.between(0, this.partitionCount - 1);
    producer.send({ topic: TOPIC, partition, value, key: `k${number}`, headers: { n: String(number) }, delay }).then(
      ({ id }) => {
        oracle.onAcknowledged(number, id);
        this.ids.push(id);
      },
      (error: unknown) => {
        if (hasCode(error, 'COMMIT_UNKNOWN')) oracle.count('unknown');
        else oracle.onRefused(number);
      },
    );
  }

  /** Somebody changes his mind. */
  #cancelSometimes(): void {
    const { dice, time } = this;
    if (this.busy.isOver) return;
    if (this.ids.length > 0) void this.#cancel(dice.chance(0.5) ? this.ids.at(-1)! : dice.pick(this.ids));
    time.schedule(dice.magnitude(200, 15_000), () => this.#cancelSometimes());
  }

  async #cancel(id: string): Promise<void> {
    const process = this.#spawn('c');
    const deps = { store: this.network.connect(process), clock: process, random: this.dice, traceMs: this.traceMs };
    try {
      this.oracle.onOutcome(id, await new DelayAdmin(deps).cancel(id));
    } catch (error) {
      this.oracle.note(`${process.name} failed`, String(error));
    }
  }

  /** A process with a timer; another one comes when it has died. */
  #timer(): void {
    const { dice, time, oracle } = this;
    const process = this.#spawn('t');
    const store = this.network.connect(process);
    const deps = { store, clock: process, random: dice, traceMs: this.traceMs, pollMs: POLL_MS };
    const onNews = ({ kind }: { readonly kind: string }) => oracle.count(`news ${kind}`);
    const delays = new LocalDelays({ ...deps, onNews });
    this.#releasers += 1;
    delays.start();
    const watch = () => {
      if (process.alive) time.schedule(5_000, watch);
      else {
        this.#releasers -= 1;
        this.#timer();
      }
    };
    time.schedule(5_000, watch);
    this.closers.push(async () => delays.close());
  }

  readonly closers: (() => Promise<void>)[] = [];

  /** The change of a due minute comes to who wakes functions: some time later, perhaps twice. One that is ahead is booked. */
  #stream({ minuteMs }: DueMinute): void {
    if (this.isTimer) return;
    const { dice, time } = this;
    const copies = !this.way.calm && dice.chance(0.1) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const heardMs = dice.between(10, 400);
      const startsMs = minuteMs - START_MS - time.nowMs;
      time.schedule(Math.max(heardMs, startsMs), () => void this.#pump(minuteMs));
    }
  }

  /** By minute: until when a function that was woken for it goes on listing what is due. */
  readonly #pumping = new Map<number, number>();

  /** A function that is woken for a minute, where none is that will list the minutes again; it is called again until it has come to its end. */
  async #pump(minuteMs: number, attempt = 1): Promise<void> {
    const { dice, time } = this;
    if (attempt === 1 && (this.#pumping.get(minuteMs) ?? 0) > time.nowMs + LISTS_EVERY_MS * 3) return;
    this.#pumping.set(minuteMs, Math.max(minuteMs + MINUTE_MS - START_MS, time.nowMs));
    const process = this.#spawn('p');
    const store = this.network.connect(process);
    const onNews = ({ kind }: { readonly kind: string }) => this.oracle.count(`news ${kind}`);
    const releaser = new DueReleaser({ store, clock: process, random: dice, traceMs: this.traceMs, onNews });
    let isDone = false;
    time.schedule(AGAIN_MS + MINUTE_MS, () => {
      if (!isDone && attempt < MAX_TRIES) void this.#pump(minuteMs, attempt + 1);
    });
    try {
      const nowMs = () => store.serverClock.nowMs();
      const endMs = Math.max(minuteMs + MINUTE_MS, nowMs()) + 2_000;
      do {
        releaser.hear(await store.dueMinutes.list(1_000));
        releaser.begin();
        await releaser.settled();
        await process.sleep(Math.min(LISTS_EVERY_MS, Math.max(1, Math.min(releaser.nextMs, endMs) - nowMs())));
      } while (nowMs() < endMs);
      isDone = true;
    } catch (error) {
      this.oracle.note(`${process.name} failed`, String(error));
    }
  }

  /** Others write to the same partitions, and raise their floors. */
  #write(): void {
    const { dice, time, base } = this;
    if (this.busy.isOver) return;
    const partition = dice.between(0, this.partitionCount - 1);
    const producer = this.direct.producer();
    for (let count = dice.pick([1, 3, 40]); count > 0; count--) {
      void producer.send({ topic: TOPIC, partition, value: 'other' }).then(() => producer.flush());
    }
    const floor = firstIdAt(START_MS + time.nowMs + dice.between(0, 200));
    if (dice.chance(0.3)) void base.heads.raiseFloor({ topicId: this.topicId, partition }, floor);
    time.schedule(dice.magnitude(1_000, 10_000), () => this.#write());
  }

  /** Runs until `isOver`, or `limitMs` from now. */
  async until(limitMs: number, isOver: () => boolean): Promise<void> {
    const endMs = this.time.nowMs + limitMs;
    while (!isOver() && this.oracle.violation === null && (await this.time.step(endMs))) {
      this.oracle.expect(this.time.eventCount < MAX_EVENTS, 'Progress', () => 'the run goes round in a circle');
    }
  }

  async #prepare(): Promise<void> {
    this.partitionCount = this.dice.between(LEAST.partitions, 4);
    for (let made = 0; made < this.partitionCount; made++) this.oracle.count('partitions');
    const { topicId } = await this.direct.topics.createTopic({ name: TOPIC, partitionCount: this.partitionCount });
    this.topicId = topicId;
  }

  async whole(): Promise<void> {
    const { dice, time, oracle, way } = this;
    let isReady = false;
    const ready = () => {
      isReady = true;
    };
    time.schedule(0, () => void this.#prepare().then(ready));
    await this.until(60_000, () => isReady);
    for (let senders = dice.between(1, 3); senders > 0; senders--) this.#sender();
    if (this.isTimer) for (let timers = dice.between(1, 2); timers > 0; timers--) this.#timer();
    this.#cancelSometimes();
    this.#write();
    await this.until(Number.POSITIVE_INFINITY, () => this.busy.isOver);
    way.calm = true;
    // Whoever was set or stands still does so on; all others have time enough.
    await this.until(MAX_DELAY_MS + 300_000, () => false);
    for (const close of this.closers) void close();
    const left = this.#left();
    oracle.expect(left === '', 'Nothing left behind', () => `left: ${left}`);
    await this.#checkLog();
  }

  #left(): string {
    return this.oracle
      .overdue()
      .map(({ number, place }) => `${number} due at ${place.dueMs - START_MS}`)
      .join(', ');
  }

  /** What the log holds is what was released, once each, as it was sent. */
  async #checkLog(): Promise<void> {
    const { oracle } = this;
    const found = new Map<number, number>();
    const reader = this.direct.reader({ stopAtEnd: true });
    let isOver = false;
    const read = async () => {
      await reader.assign([{ topic: TOPIC }]);
      for await (const { key, value, headers, timestampMs, partition } of reader) {
        const text = textOf(value);
        if (text === 'other') continue;
        const number = Number.parseInt(text, 10);
        found.set(number, (found.get(number) ?? 0) + 1);
        const truth = oracle.truths.find((one) => one.number === number);
        const isWhole =
          textOf(key) === `k${number}` &&
          textOf(headers[0]?.value) === String(number) &&
          Number(timestampMs) === truth?.place.dueMs &&
          partition === truth.partition.partition;
        oracle.expect(isWhole, 'As it was sent', () => `${number} stands otherwise in the log`);
      }
      isOver = true;
    };
    this.time.schedule(0, () => void read());
    await this.until(600_000, () => isOver);
    oracle.expect(isOver, 'Progress', () => 'the log cannot be read');
    for (const { number, state } of oracle.truths) {
      const times = number === null ? 0 : (found.get(number) ?? 0);
      const expected = state === 'delivered' ? 1 : 0;
      oracle.expect(times === expected, 'Once', () => `${number}, ${state}, stands ${times} times in the log`);
    }
  }
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array(0));
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateDelays(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const run = new Run(seed, options);
  await run.whole();
  const { violation, counts, trace } = run.oracle;
  return { seed, violation, digest: run.oracle.digest(), counts, trace };
}
