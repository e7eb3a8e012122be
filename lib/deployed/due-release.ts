/**
 * Releases delayed records in a function that is called when a minute with some of them is near: one at a time for the whole log, by a job that it takes, so that a thousand rings of a busy minute do not keep a thousand functions awake.
 *
 * Always true: whoever has the job lists the minutes again after he has let go of it, and goes on if one is near. So a ring that finds the job taken may be dropped. One that dies is called again by Lambda, and takes the job when it has run out.
 */
import type { Clock, Random } from '../clock.ts';
import type { DelayPorts } from '../delay/delay-store.ts';
import type { DueMinute } from '../delay/due-minute.ts';
import { type DelayNews, DueReleaser } from '../delay/due-releaser.ts';
import type { MillraceError } from '../errors.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import type { LogStore } from '../log/log-store.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { JobLost, type JobSession, TAKE_MARGIN_MS, takeJob } from '../maintenance/job-session.ts';
import type { MaintenancePorts } from '../maintenance/jobs.ts';
import { SLEEP_MS } from './plan-wake-ups.ts';

/** What it needs. */
export interface DueReleaseDeps {
  readonly store: LogStore & DelayPorts & MaintenancePorts;
  readonly clock: Clock;
  readonly random: Random;
}

/** What the question whether somebody releases needs. */
export interface IsReleasingDeps extends Omit<DueReleaseDeps, 'store'> {
  readonly store: Pick<LogStore, 'serverClock'> & Pick<MaintenancePorts, 'jobs'>;
}

/** How it is done, and who hears of it. */
export interface DueReleaseOptions {
  /** By the monotonic clock: nothing is begun after it. */
  readonly deadlineMs: number;
  readonly onNews: (news: DelayNews) => void;
  /** Told of what went wrong and is tried again. */
  readonly onError: (error: MillraceError) => void;
}

/** Name of the job that whoever releases has taken. */
export const RELEASE_JOB = 'release';
/** One that died is known to be dead after this. */
const TAKE_MS = 30_000;
const SAVE_EVERY_MS = 10_000;
/** Between two looks for minutes that were rung: no delay is shorter than a second. */
const LOOK_MS = 1_000;
/** What the router leaves to whoever has the job, by its own clock, which may be ahead. */
const AWAKE_MS = SLEEP_MS + 10_000;
/** Due minutes of each shard. */
const MINUTES_PER_SHARD = 1_000;
/** Failures in a row that nothing has interrupted: then it is left to the next call. */
const MAX_FAILURES = 30;

/** Whether somebody has the job: he looks at all minutes once more before he ends. One read. */
export async function isReleasing(deps: IsReleasingDeps): Promise<boolean> {
  const { answer: job } = await repeatRequest(deps, () => deps.store.jobs.read(RELEASE_JOB));
  return job !== null && job.expiresAtMs > deps.store.serverClock.nowMs();
}

/** Releases what is due, and sleeps until the next is, as long as one is due within a minute and a half. Throws what the store throws after ten attempts, and what went wrong too often. */
export async function releaseDue(deps: DueReleaseDeps, options: DueReleaseOptions): Promise<void> {
  for (;;) {
    const session = await takeRelease(deps, options);
    if (session === null) return;
    try {
      await hold(deps, session, options);
    } catch (error) {
      if (error instanceof JobLost) return;
      throw error;
    }
    const near = (await listMinutes(deps)).find((minute) => isNear(deps, minute));
    if (near === undefined) return;
    if (deps.clock.monotonicMs() < options.deadlineMs) continue;
    // Somebody else goes on: the stream tells the router, which calls the releaser again.
    await repeatRequest(deps, () => deps.store.dueMinutes.ring({ ...near, stamp: freshUuid(deps.random) }));
    return;
  }
}

/** Null: somebody is alive who has it, or there is no time to find out. */
async function takeRelease(deps: DueReleaseDeps, { deadlineMs }: DueReleaseOptions): Promise<JobSession | null> {
  const { store, clock } = deps;
  for (let busyUntilMs = 0; ; ) {
    const { answer: seen } = await repeatRequest(deps, () => store.jobs.read(RELEASE_JOB));
    const taken = await takeJob(deps, RELEASE_JOB, { seen, takeMs: TAKE_MS });
    if (taken.outcome === 'taken') return taken.session;
    const isAlive = busyUntilMs > 0 && taken.untilMs > busyUntilMs;
    const waitMs = taken.untilMs + TAKE_MARGIN_MS - store.serverClock.nowMs();
    if (isAlive || clock.monotonicMs() + waitMs >= deadlineMs) return null;
    // He may have died: a sign of life comes before that.
    await clock.sleep(Math.max(LOOK_MS, waitMs));
    busyUntilMs = taken.untilMs;
  }
}

async function hold(deps: DueReleaseDeps, session: JobSession, options: DueReleaseOptions): Promise<void> {
  const { store, clock } = deps;
  let failures = 0;
  let failure: MillraceError | null = null;
  const onNews = (news: DelayNews) => {
    failures = 0;
    options.onNews(news);
  };
  const onError = (error: MillraceError) => {
    failures += 1;
    failure = error;
    options.onError(error);
  };
  const stop = new AbortController();
  const releaser = new DueReleaser({ ...deps, onNews, onError });
  let lookedMs = Number.NEGATIVE_INFINITY;
  let savedMs = clock.monotonicMs();
  try {
    while (clock.monotonicMs() < options.deadlineMs && failures < MAX_FAILURES) {
      if (clock.monotonicMs() - lookedMs >= LOOK_MS) {
        lookedMs = clock.monotonicMs();
        releaser.hear(await listMinutes(deps));
      }
      if (clock.monotonicMs() - savedMs >= SAVE_EVERY_MS) {
        await session.save('');
        savedMs = clock.monotonicMs();
      }
      releaser.begin(stop.signal);
      const inMs = releaser.nextMs - store.serverClock.nowMs();
      if (!releaser.isBusy && inMs > AWAKE_MS) break;
      await clock.sleep(Math.min(LOOK_MS, Math.max(0, inMs)));
    }
  } finally {
    stop.abort();
    await releaser.settled();
  }
  await session.release('', 0);
  if (failures >= MAX_FAILURES && failure !== null) throw failure;
}

async function listMinutes(deps: DueReleaseDeps): Promise<readonly DueMinute[]> {
  const { answer } = await repeatRequest(deps, () => deps.store.dueMinutes.list(MINUTES_PER_SHARD));
  return answer;
}

/** Whether a minute has begun, or begins so soon that whoever heard of it counts on us. */
function isNear({ store }: DueReleaseDeps, { minuteMs }: DueMinute): boolean {
  return minuteMs <= store.serverClock.nowMs() + AWAKE_MS;
}
