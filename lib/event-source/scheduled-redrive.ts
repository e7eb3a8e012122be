/**
 * Sends dead letters back when their schedule says so. One call does what is to be done now in one partition of the dead-letter topic.
 *
 * The doorbell of the first letter brings it here; it books a wake-up for the next time of the schedule, stores that time with the lease, and lets go. Whatever comes until then finds it booked. When the time has come, the letters that are there are
 * sent back; those that fail again stand behind them and wait for the next time, and those that were sent back often enough stay. Nothing is booked, and nobody looks, while there is nothing to send.
 *
 * A letter is marked after it was sent, and the wake-up is booked before it is stored: whoever ends in between has lost nothing.
 */
import { asMillraceError } from '../errors.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type DeadLetter, redrivenRecord } from './dead-letter.ts';
import { type DeadLetterMarks, type DeadLetterPlace, pendingLetters, takeMarks } from './dead-letter-marks.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { RecordSender } from './give-up.ts';
import { LEASE_MARGIN_MS } from './lease-session.ts';
import { type RedriveOptions, redrivePlan } from './redrive-options.ts';
import { parseSchedule } from './redrive-schedule.ts';
import { redriveTopic } from './retry-topics.ts';
import { UNREADABLE_MS } from './send-away.ts';
import type { WakeRequest } from './wake-request.ts';
import { WatchedSubscription } from './watched-subscription.ts';
import { WorkPlace } from './work-place.ts';

/** What it needs beside what every worker does. */
export interface ScheduledRedriveDeps extends EventSourceDeps {
  readonly records: RecordSender;
}

/** How long it may take. */
export interface ScheduledRedriveLimits {
  /** By the monotonic clock: nothing is sent any more. */
  readonly deadlineMs: number;
  /** Nothing is sent any more once it is aborted. Default: never. */
  readonly stop?: AbortSignal;
}

/** Longer than this nobody waits awake for the next letter. */
const AWAKE_MS = 5_000;

/** See the top of this file. Throws what the store throws after ten attempts. */
export async function redriveOnSchedule(
  deps: ScheduledRedriveDeps,
  request: WakeRequest,
  limits: ScheduledRedriveLimits,
): Promise<void> {
  await new ScheduledRedrive(deps, request, limits).work();
}

class ScheduledRedrive {
  readonly #deps: ScheduledRedriveDeps;
  readonly #limits: ScheduledRedriveLimits;
  readonly #at: WorkPlace;
  readonly #subscription: WatchedSubscription;
  readonly #place: DeadLetterPlace;
  #seen: number;

  constructor(deps: ScheduledRedriveDeps, request: WakeRequest, limits: ScheduledRedriveLimits) {
    const { topic, topicId, domain, retry } = request.subscription;
    this.#deps = deps;
    this.#limits = limits;
    this.#at = new WorkPlace(deps, request);
    this.#subscription = new WatchedSubscription(this.#at, request);
    this.#seen = request.seen;
    this.#place = {
      name: retry!.of,
      topic: { name: topic, topicId, domain },
      partition: request.partition,
      start: request.head?.start ?? 0n,
    };
  }

  /** Until nothing has come meanwhile. */
  async work(): Promise<void> {
    while (await this.#once()) {
      if (!this.#isOver()) continue;
      const stamp = freshUuid(this.#deps.random);
      await repeatRequest(this.#deps, () => this.#deps.store.bells.ring(this.#at.key, stamp));
      return;
    }
  }

  /** Takes the lease, does what is to be done, lets go. True: something has come meanwhile. */
  async #once(): Promise<boolean> {
    const take = await takeMarks(this.#deps, this.#place, this.#seen);
    // Whoever has it may be dead: then somebody has to come when it has run out.
    if (take.outcome === 'busy') await this.#at.book(take.untilMs + LEASE_MARGIN_MS);
    if (take.outcome !== 'taken') return false;
    const { marks } = take;
    this.#seen = marks.epoch;
    try {
      await this.#decide(marks);
    } catch (error) {
      if (marks.isLost) {
        this.#at.tell({ kind: 'fenced' });
        return false;
      }
      await marks.release().catch(() => {});
      throw error;
    }
    return this.#letGo(marks);
  }

  async #decide(marks: DeadLetterMarks): Promise<void> {
    const options = await this.#options();
    if (options === null) return;
    const plan = redrivePlan(options);
    if (marks.progress.plan !== plan) {
      marks.progress = { ...marks.progress, seenEnd: null, runEnd: null, plan };
      marks.notBeforeMs = 0;
    }
    const isDue = marks.notBeforeMs > 0 && marks.notBeforeMs <= this.#at.nowMs();
    if (isDue) await this.#run(marks, options);
    if (marks.notBeforeMs === 0) await this.#arm(marks, options);
  }

  /** As they are now; null: they do not go back any more, or not now. */
  async #options(): Promise<RedriveOptions | null> {
    if (this.#subscription.isStale) await this.#subscription.read();
    const { state, current } = this.#subscription;
    return state === 'enabled' ? current.options.redrive : null;
  }

  /** Books the next time if there is anything to send then. */
  async #arm(marks: DeadLetterMarks, { schedule, maxAttempts }: RedriveOptions): Promise<void> {
    const { seenEnd } = marks.progress;
    const end = await this.#highWatermark();
    for await (const { redrives } of this.#pending(marks, seenEnd, end)) {
      if (redrives >= maxAttempts) continue;
      marks.notBeforeMs = this.#nextMs(schedule);
      if (marks.notBeforeMs > 0) return;
    }
    // Up to here nothing is left that goes back by itself.
    marks.progress = { ...marks.progress, seenEnd: end };
  }

  /** Sends back what is there. Behind it nothing is booked, unless it could not be finished. */
  async #run(marks: DeadLetterMarks, options: RedriveOptions): Promise<void> {
    const runEnd = marks.progress.runEnd ?? (await this.#highWatermark());
    marks.progress = { ...marks.progress, runEnd };
    const report = { sent: 0, exhausted: 0 };
    try {
      marks.notBeforeMs = await this.#sendAll(marks, options, report);
    } catch (cause) {
      if (marks.isLost) throw cause;
      const error = asMillraceError(cause);
      this.#at.tell({ kind: 'destination-failed', records: 1, error: error.message });
      marks.notBeforeMs = error.retriable ? this.#at.nowMs() + UNREADABLE_MS : this.#nextMs(options.schedule);
    }
    if (report.sent > 0) this.#at.tell({ kind: 'redriven', records: report.sent, exhausted: report.exhausted });
    if (marks.notBeforeMs === 0) marks.progress = { ...marks.progress, seenEnd: runEnd, runEnd: null };
  }

  /** When it is to go on; 0: all is sent. */
  async #sendAll(
    marks: DeadLetterMarks,
    { rate, maxAttempts }: RedriveOptions,
    report: { sent: number; exhausted: number },
  ): Promise<number> {
    const { clock, records } = this.#deps;
    const { plan, runEnd } = marks.progress;
    const everyMs = (1000 / rate) * (await this.#partitionCount());
    let dueMs = clock.monotonicMs();
    for await (const letter of this.#pending(marks, null, runEnd!)) {
      if (letter.redrives >= maxAttempts) {
        report.exhausted += 1;
        continue;
      }
      const waitMs = Math.max(0, dueMs - clock.monotonicMs());
      if (this.#isOver(waitMs) || waitMs > AWAKE_MS) return Math.ceil(this.#at.nowMs() + waitMs);
      if (waitMs > 0) await clock.sleep(waitMs, this.#limits.stop);
      if (redrivePlan(await this.#options()) !== plan) return this.#at.nowMs();
      await records.send(redriveTopic(this.#place.name), redrivenRecord(letter));
      // What was late is made up for, but not what was late by more than this.
      dueMs = Math.max(dueMs, clock.monotonicMs() - AWAKE_MS) + everyMs;
      report.sent += 1;
      await marks.mark(letter.record);
    }
    return 0;
  }

  /** First the wake-up, then the release; then whatever has come meanwhile. */
  async #letGo(marks: DeadLetterMarks): Promise<boolean> {
    const { notBeforeMs } = marks;
    if (notBeforeMs > 0) {
      await this.#at.book(notBeforeMs);
      this.#at.tell({ kind: 'waiting', untilMs: notBeforeMs });
    }
    await marks.release();
    // By another clock it may have come already, and found the lease held: once more, now that it is free.
    if (notBeforeMs > 0 && notBeforeMs - this.#at.nowMs() < LEASE_MARGIN_MS) await this.#at.book(notBeforeMs);
    // Whoever changed the subscription found the lease held, and whoever added a letter too.
    await this.#subscription.read();
    const options = await this.#options();
    if (options === null) return false;
    if (redrivePlan(options) !== marks.progress.plan) return true;
    return notBeforeMs === 0 && (await this.#highWatermark()) > (marks.progress.seenEnd ?? 0n);
  }

  /** Letters below `end`, from `from` on where that is given. Keeps the lease. */
  async *#pending(marks: DeadLetterMarks, from: bigint | null, end: bigint): AsyncGenerator<DeadLetter> {
    const { committed, done } = marks.done;
    const start = { committed: from !== null && from > committed ? from : committed, done };
    const { fetcher } = this.#deps;
    for await (const letter of pendingLetters(fetcher, this.#place, start, (record) => marks.pass(record))) {
      if (letter.record.offset >= end) return;
      await marks.keep();
      yield letter;
    }
  }

  #isOver(waitMs = 0): boolean {
    const { deadlineMs, stop } = this.#limits;
    return stop?.aborted === true || this.#deps.clock.monotonicMs() + waitMs >= deadlineMs;
  }

  /** 0: it never comes again. */
  #nextMs(schedule: string): number {
    return parseSchedule(schedule).nextMs(this.#at.nowMs()) ?? 0;
  }

  /** 0 when the topic is gone: then nothing is left to do. */
  async #highWatermark(): Promise<bigint> {
    const { store } = this.#deps;
    const { answer: head } = await repeatRequest(this.#deps, () =>
      store.heads.read(this.#at.partition, { consistent: true }),
    );
    return head?.next ?? 0n;
  }

  /** The rate is that of all partitions together. */
  async #partitionCount(): Promise<number> {
    const { store } = this.#deps;
    const { answer: topic } = await repeatRequest(this.#deps, () => store.topics.get(this.#place.topic.name));
    return Math.max(1, topic?.readyPartitionCount ?? 1);
  }
}
