/**
 * The event source of a store on one machine, in one process: watches the store instead of a stream, runs workers here, and sleeps instead of booking wake-ups.
 *
 * Always true: it looks at a partition again after every change of the store that it may have missed; a wake-up that this process has forgotten is found by the sweep with which it begins.
 */
import type { StoreChanges } from '../delay/delay-store.ts';
import { asMillraceError, type MillraceError } from '../errors.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { EventSourceNews } from './event-source-deps.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { LEASE_MARGIN_MS } from './lease-session.ts';
import { parsePullAnswer, pullPayload } from './pull-pointer.ts';
import type { InvokeAnswer } from './push/function-invoker.ts';
import { type PumpDeps, pushBatches } from './push/push-batches.ts';
import { type Ring, type RoutedRing, routeRings } from './router.ts';
import { allSubscriptions, type SweepReport, sweepSubscriptions } from './sweeper.ts';
import type { WakeRequest } from './wake-request.ts';

/** What it needs. */
export interface LocalEventSourceDeps extends Omit<PumpDeps, 'wakeUps'> {
  readonly changes: Pick<StoreChanges, 'count'>;
  /** Told of each sweep. Default: nobody. */
  readonly onSwept?: (report: SweepReport) => void;
  /** Told of what went wrong outside of any batch. Default: nobody. */
  readonly onError?: (error: MillraceError) => void;
}

/** Times, milliseconds. */
export interface LocalEventSourceOptions {
  /** Between two looks at whether the store has changed. Default 5. */
  readonly pollMs?: number;
  /** Between two sweeps. Default an hour. */
  readonly sweepMs?: number;
  /** A worker that dies with this process is noticed after this. Default 10,000. */
  readonly leaseMs?: number;
  /** How long one worker goes on before another takes its place. Default 300,000. */
  readonly workMs?: number;
}

/** Before a function that could not be called, or ended, is called again. */
const AGAIN_MS = 1_000;
const MISSING_MS = 60_000;
const LONGEST_SLEEP_MS = 3_600_000;

const DEFAULTS: Required<LocalEventSourceOptions> = {
  pollMs: 5,
  sweepMs: 3_600_000,
  leaseMs: 10_000,
  workMs: 300_000,
};

/** See the module comment. */
export class LocalEventSource {
  readonly #deps: LocalEventSourceDeps;
  readonly #options: Required<LocalEventSourceOptions>;
  readonly #stop = new AbortController();
  readonly #workers = new Set<Promise<void>>();
  /** By partition: the high watermark that was seen last. */
  readonly #seen = new Map<string, bigint>();
  /** By subscription and partition: how often its bell was rung. */
  readonly #stamps = new Map<string, string>();
  /** Subscriptions that are not served, as was told. */
  readonly #told = new Set<string>();
  /** By subscription and partition: when it is woken next. */
  readonly #alarms = new Map<string, number>();
  #loops: readonly Promise<void>[] = [];

  constructor(deps: LocalEventSourceDeps, options: LocalEventSourceOptions = {}) {
    this.#deps = deps;
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Begins; what was left undone is found at once. */
  start(): void {
    if (this.#loops.length === 0) this.#loops = [this.#watch(), this.#sweepAgainAndAgain()];
  }

  /** Wakes nobody any more, and resolves when every batch that is being handled is settled. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await Promise.all(this.#workers);
  }

  async #watch(): Promise<void> {
    const { clock, changes } = this.#deps;
    let count = Number.NaN;
    while (!this.#stop.signal.aborted) {
      const now = changes.count();
      if (now !== count) {
        count = (await this.#attempt(() => this.#look())) ? now : Number.NaN;
      }
      await clock.sleep(Number.isNaN(count) ? AGAIN_MS : this.#options.pollMs, this.#stop.signal);
    }
  }

  async #sweepAgainAndAgain(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#attempt(async () => {
        const report = await sweepSubscriptions(this.#deps, this.#waker);
        this.#setAlarms([...report.woken, ...report.later]);
        this.#deps.onSwept?.(report);
      });
      await this.#deps.clock.sleep(this.#options.sweepMs, this.#stop.signal);
    }
  }

  /** Whether it went well. */
  async #attempt(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#deps.onError?.(asMillraceError(error));
      return false;
    }
  }

  /** Compares the store with what was seen of it. What was seen but not routed has to be seen again. */
  async #look(): Promise<void> {
    try {
      const rings = [...(await this.#changedHeads()), ...(await this.#rungBells())];
      if (rings.length > 0) this.#setAlarms(await routeRings(this.#deps, this.#waker, rings));
    } catch (error) {
      this.#seen.clear();
      this.#stamps.clear();
      throw error;
    }
  }

  async #changedHeads(): Promise<readonly Ring[]> {
    const { store } = this.#deps;
    const all = await allSubscriptions(this.#deps);
    for (const one of all) this.#tellUnreadable(one);
    const enabled = all.filter(({ options }) => options.enabled);
    const rings: Ring[] = [];
    for (const [topicId, of] of Map.groupBy(enabled, ({ topicId }) => topicId)) {
      const { answer: topic } = await repeatRequest(this.#deps, () => store.topics.get(of[0]!.topic));
      if (topic === null || topic.topicId !== topicId) {
        for (const one of of) this.#tellMissing(one);
        continue;
      }
      const keys = Array.from({ length: topic.readyPartitionCount }, (_, partition) => ({ topicId, partition }));
      const { answer: heads } = await repeatRequest(this.#deps, () => store.heads.readMany(keys, { consistent: true }));
      for (const [index, head] of heads.entries()) {
        const pk = partitionPk(keys[index]!);
        if (head === null || this.#seen.get(pk) === head.next) continue;
        this.#seen.set(pk, head.next);
        rings.push({ partition: keys[index]!, head, group: null });
      }
    }
    return rings;
  }

  #tellMissing({ group, topic, topicId }: FunctionSubscription): void {
    this.#tellOnce({ kind: 'topic-missing', group, partition: { topicId, partition: 0 }, topic });
  }

  #tellUnreadable({ group, topicId, unreadable: error }: FunctionSubscription): void {
    if (error === undefined) return;
    this.#tellOnce({ kind: 'subscription-unreadable', group, partition: { topicId, partition: 0 }, error });
  }

  /** Of a subscription that is not served. */
  #tellOnce(news: EventSourceNews): void {
    const name = `${news.kind} ${nameOf(news.group, news.partition)}`;
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#deps.onNews(news);
  }

  async #rungBells(): Promise<readonly Ring[]> {
    const { answer: bells } = await repeatRequest(this.#deps, () => this.#deps.store.bells.list());
    const nowMs = this.#deps.clock.nowMs();
    return bells.flatMap(({ group, partition, stamp, atMs }) => {
      const name = nameOf(group, partition);
      if (this.#stamps.get(name) === stamp) return [];
      this.#stamps.set(name, stamp);
      if (atMs > nowMs) this.#setAlarm(group, partition, atMs);
      return atMs > nowMs ? [] : [{ group, partition, head: null, atMs }];
    });
  }

  readonly #waker = {
    wake: async (request: WakeRequest): Promise<void> => {
      if (this.#stop.signal.aborted) return;
      const worker = this.#work(request).finally(() => this.#workers.delete(worker));
      this.#workers.add(worker);
    },
  };

  async #work(request: WakeRequest): Promise<void> {
    const { subscription, partition } = request;
    const { group, topicId, options } = subscription;
    const pulls = options.mode === 'pull';
    const done = await this.#attempt(() => (pulls ? this.#callPulling(request) : this.#push(request)));
    // The lease it may have left says how long to wait.
    if (!done) this.#setAlarm(group, { topicId, partition }, Math.floor(this.#deps.clock.nowMs()) + AGAIN_MS);
  }

  async #push(request: WakeRequest): Promise<void> {
    const { clock } = this.#deps;
    const { workMs, leaseMs } = this.#options;
    const wakeUps = {
      book: async ({ group, partition, atMs }: { group: string; partition: PartitionKey; atMs: number }) =>
        this.#setAlarm(group, partition, atMs),
    };
    const deps = { ...this.#deps, wakeUps };
    const limits = { deadlineMs: clock.monotonicMs() + workMs, leaseMs, stop: this.#stop.signal };
    await pushBatches(deps, request, limits);
  }

  /** The function is the worker. One that was not called, or that ended without a word, perhaps with the lease, is called again. */
  async #callPulling(request: WakeRequest): Promise<void> {
    const { subscription, partition } = request;
    const { group, topicId, target } = subscription;
    const key = { topicId, partition };
    const startMs = this.#deps.clock.monotonicMs();
    const answer = await this.#deps.invoker.invoke(target, pullPayload(request));
    const durationMs = this.#deps.clock.monotonicMs() - startMs;
    if (answer.kind === 'returned') {
      this.#deps.onNews({ kind: 'pulled', group, partition: key, durationMs, ...parsePullAnswer(answer.payload) });
    }
    if (answer.kind === 'returned' || this.#stop.signal.aborted) return;
    const untilMs = Math.floor(this.#deps.clock.nowMs()) + (answer.kind === 'missing' ? MISSING_MS : AGAIN_MS);
    this.#deps.onNews({ kind: 'throttled', group, partition: key, records: 0, error: errorOf(answer), untilMs });
    this.#setAlarm(group, key, untilMs);
  }

  /** Whoever has to wait, or may be dead, is looked at again when it is time. */
  #setAlarms(routed: readonly RoutedRing[]): void {
    for (const { group, partition, decision } of routed) {
      if (decision.kind === 'later') this.#setAlarm(group, partition, decision.atMs);
      if (decision.kind === 'busy') this.#setAlarm(group, partition, decision.untilMs + LEASE_MARGIN_MS);
    }
  }

  /** Until it is so late by the clock, or so much time has passed: a clock that is set back has nobody wait for longer. */
  async #sleepUntil(atMs: number): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    const dueMs = clock.monotonicMs() + (atMs - clock.nowMs());
    const left = () => Math.min(atMs - clock.nowMs(), dueMs - clock.monotonicMs());
    // In parts: timers end at once that are set for longer than 24 days, and clocks are set.
    for (let leftMs = left(); leftMs > 0 && !signal.aborted; leftMs = left()) {
      await clock.sleep(Math.min(leftMs, LONGEST_SLEEP_MS), signal);
    }
  }

  #setAlarm(group: string, partition: PartitionKey, atMs: number): void {
    const name = nameOf(group, partition);
    const set = this.#alarms.get(name);
    if (set !== undefined && set <= atMs) return;
    this.#alarms.set(name, atMs);
    const { clock } = this.#deps;
    const ring = async () => {
      await this.#sleepUntil(atMs);
      // An earlier one was set meanwhile, and has rung.
      if (this.#stop.signal.aborted || this.#alarms.get(name) !== atMs) return;
      this.#alarms.delete(name);
      const rings = [{ group, partition, head: null, atMs }];
      const done = await this.#attempt(async () => this.#setAlarms(await routeRings(this.#deps, this.#waker, rings)));
      if (!done) this.#setAlarm(group, partition, Math.floor(clock.nowMs()) + AGAIN_MS);
    };
    void ring();
  }
}

function errorOf(answer: InvokeAnswer): string {
  if (answer.kind === 'failed') return `${answer.errorType}: ${answer.errorMessage}`;
  return answer.kind === 'missing' ? answer.error : 'too many calls run';
}

function nameOf(group: string, partition: PartitionKey): string {
  return `${partitionPk(partition)} ${group}`;
}
