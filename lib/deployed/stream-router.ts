/**
 * The router as a function: hears of heads, bells and due minutes by the stream of the log's table, and sweeps once an hour. It keeps nothing between two calls that it needs; a batch of the stream that failed is given to it again.
 *
 * Whoever is woken is called asynchronously: Lambda keeps the event, and calls again what has failed.
 */
import { readStreamRings, type StreamRecord } from '../aws/stream-rings.ts';
import type { DelayPorts } from '../delay/delay-store.ts';
import { hasCode, type MillraceError } from '../errors.ts';
import type { EventSourceNews } from '../event-source/event-source-deps.ts';
import type { WorkerStore } from '../event-source/event-source-store.ts';
import { LEASE_MARGIN_MS } from '../event-source/lease-session.ts';
import { pullPayload } from '../event-source/pull-pointer.ts';
import { type Ring, type RoutedRing, type RouterDeps, routeRings, type Waker } from '../event-source/router.ts';
import type { SubscriptionLag } from '../event-source/subscription-lag.ts';
import { sweepSubscriptions } from '../event-source/sweeper.ts';
import type { WakeRequest } from '../event-source/wake-request.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenancePorts } from '../maintenance/jobs.ts';
import { isReleasing } from './due-release.ts';
import { type PlannedCall, planWakeUps, type TimedWork } from './plan-wake-ups.ts';
import { releaserPayload, type WakeUp } from './releaser-event.ts';

/** Has functions called. */
export interface FunctionStarter {
  /** Resolves once it is certain that the function is called, now or soon, perhaps more than once. Throws when it is not. */
  start(target: string, payload: string): Promise<void>;
}

/** Has the releaser called at a time. */
export interface CallBooker {
  /** Resolves once it is certain, or was certain already under this name. */
  book(call: PlannedCall): Promise<void>;
}

/** The ports that it uses. */
export type RouterStore = WorkerStore & Pick<DelayPorts, 'dueMinutes'> & MaintenancePorts;

/** What it needs. */
export interface StreamRouterDeps extends RouterDeps {
  readonly store: RouterStore;
  readonly functions: FunctionStarter;
  readonly calls: CallBooker;
  /** The functions that push, and that sleep and release. */
  readonly pump: string;
  readonly releaser: string;
  readonly onNews: (news: EventSourceNews) => void;
  /** Told of items that could not be read, and were passed over. */
  readonly onError: (error: MillraceError) => void;
  readonly onLag: (group: string, lag: SubscriptionLag) => void;
}

/** What a call came to, for the log. */
export interface RouterReport {
  readonly rings: number;
  readonly woken: number;
  readonly booked: number;
}

/** What Lambda answers of a function that cannot be called before somebody has changed something. */
const CANNOT_BE_CALLED = ['STORE_MISSING', 'ACCESS_DENIED', 'INVALID_REQUEST'] as const;
/** What the next look at a function that cannot be called waits for: the hourly sweep. */
const SWEEP_MS = 3_600_000;
const PARALLEL = 16;
/** Due minutes of each shard that a sweep looks at. */
const MINUTES_PER_SHARD = 1_000;

/** See the module comment. */
export class StreamRouter {
  readonly #deps: StreamRouterDeps;

  constructor(deps: StreamRouterDeps) {
    this.#deps = deps;
  }

  /** Answers an event: a batch of the stream, or `{ "sweep": true }`. Throws when somebody could not be woken; then the event is to be given again. */
  async handle(event: unknown): Promise<RouterReport> {
    const { Records, sweep } = event as { readonly Records?: readonly StreamRecord[]; readonly sweep?: boolean };
    return sweep === true ? this.#sweep() : this.#route(Records ?? []);
  }

  async #route(records: readonly StreamRecord[]): Promise<RouterReport> {
    const { heads, bells, dueMinutes, unreadable } = readStreamRings(records);
    for (const error of unreadable) this.#deps.onError(error);
    const nowMs = this.#deps.clock.nowMs();
    const rings: Ring[] = [
      ...heads.map(({ partition, head }) => ({ partition, head, group: null })),
      ...bells
        .filter(({ atMs }) => atMs <= nowMs)
        .map(({ group, partition, atMs }) => ({ group, partition, head: null, atMs })),
    ];
    const minutesMs = dueMinutes.map(({ minuteMs }) => minuteMs);
    const wakeUps = bells.filter(({ atMs }) => atMs > nowMs);
    // What cannot be booked must not keep anybody from being woken.
    const [booked, routed] = await Promise.allSettled([
      this.#book({ wakeUps, minutesMs }),
      rings.length === 0 ? [] : routeRings(this.#deps, this.#waker, rings),
    ]);
    if (routed.status === 'rejected') throw routed.reason;
    if (booked.status === 'rejected') throw booked.reason;
    return { rings: rings.length, woken: countWoken(routed.value), booked: booked.value };
  }

  /** Finds what a crash or a lost request has left, wake-ups and due minutes among it. */
  async #sweep(): Promise<RouterReport> {
    const { store, onLag } = this.#deps;
    const minutes = await repeatRequest(this.#deps, () => store.dueMinutes.list(MINUTES_PER_SHARD));
    const report = await sweepSubscriptions(this.#deps, this.#waker);
    for (const [group, lag] of report.lags) onLag(group, lag);
    for (const { group, topic, topicId } of report.withoutTopic) {
      this.#deps.onNews({ kind: 'topic-missing', group, partition: { topicId, partition: 0 }, topic });
    }
    const wakeUps = report.later.flatMap(wakeUpOf);
    const booked = await this.#book({ wakeUps, minutesMs: minutes.answer.map(({ minuteMs }) => minuteMs) });
    return { rings: report.woken.length + report.later.length, woken: report.woken.length, booked };
  }

  /** Sees to it that what has its time is looked at then. */
  async #book(work: TimedWork): Promise<number> {
    const { clock, functions, calls, releaser, store } = this.#deps;
    const { now, later, release } = planWakeUps(work, clock.nowMs());
    await inParallel(later, PARALLEL, (call) => calls.book(call));
    await inParallel(now, PARALLEL, (payload) => functions.start(releaser, payload));
    // Whoever is at it looks again before it lets go.
    if (release && !(await isReleasing({ ...this.#deps, store }))) {
      await functions.start(releaser, releaserPayload({ wakeUps: [], release: true }));
    }
    return later.length + now.length;
  }

  readonly #waker: Waker = {
    wake: async (request: WakeRequest): Promise<void> => {
      const { functions, pump } = this.#deps;
      const { mode } = request.subscription.options;
      if (mode === 'push') return functions.start(pump, pullPayload(request));
      try {
        await functions.start(request.subscription.target, pullPayload(request));
      } catch (error) {
        // It must not hold up what is rung for others.
        if (!CANNOT_BE_CALLED.some((code) => hasCode(error, code))) throw error;
        this.#tellMissing(request, error as MillraceError);
      }
    },
  };

  #tellMissing({ subscription, partition }: WakeRequest, { message, hint }: MillraceError): void {
    const { group, topicId } = subscription;
    this.#deps.onNews({
      kind: 'throttled',
      group,
      partition: { topicId, partition },
      records: 0,
      error: hint === undefined ? message : `${message}. ${hint}`,
      untilMs: Math.floor(this.#deps.clock.nowMs()) + SWEEP_MS,
    });
  }
}

function countWoken(routed: readonly RoutedRing[]): number {
  return routed.filter(({ decision }) => decision.kind === 'wake').length;
}

/** Whoever waits, or may be dead, is looked at again when it is time. */
function wakeUpOf({ group, partition, decision }: RoutedRing): readonly WakeUp[] {
  if (decision.kind === 'later') return [{ group, partition, atMs: decision.atMs }];
  if (decision.kind === 'busy') return [{ group, partition, atMs: decision.untilMs + LEASE_MARGIN_MS }];
  return [];
}
