/**
 * Runs a job of maintenance in slices: it is taken, goes on where it was left, and is left again when it is done or the time is over. It may be killed at any point; whoever takes it next goes on
 * where it was stored last, and what is done twice does no harm.
 */
import { MillraceError } from '../errors.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { isDue } from './job-schedule.ts';
import { JobLost, type JobSession, takeJob } from './job-session.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import type { StoredJob } from './stored-job.ts';

/** What a slice of a job is given. */
export interface JobSlice<S> {
  /** Number of the take: names of what is written begin with it, so that no two takes write the same. */
  readonly epoch: number;
  /** What was stored last, null for the first time. */
  readonly state: S | null;
  /** Whether it is run because somebody wants it, and not because it is due. */
  readonly isAskedFor: boolean;
  /** Whether there is no more time. */
  readonly isOver: () => boolean;
  /** Whether a while has passed since it was stored. */
  readonly isSaveDue: () => boolean;
  /** Stores how far it is. */
  readonly save: (state: S) => Promise<void>;
}

/** What a slice came to. */
export type SliceEnd<S> =
  | { readonly isDone: false; readonly state: S }
  | { readonly isDone: true; readonly state: S; readonly dueAtMs: number };

/** A job; `S` is what it stores, as JSON. */
export interface MaintenanceJob<S> {
  readonly name: string;
  readonly run: (slice: JobSlice<S>) => Promise<SliceEnd<S>>;
}

/** What is stored of any job. */
export interface JobRecord<S> {
  /** When the pass that is under way, or the last one, was begun; ms since 1970. */
  readonly startedAtMs: number;
  /** When a pass was ended last; 0 for never. */
  readonly succeededAtMs: number;
  readonly isUnderWay: boolean;
  readonly own: S;
}

/** How a job is run. */
export interface RunOptions {
  /** Monotonic: nothing new is begun after it. */
  readonly deadlineMs: number;
  /** Ends it as the deadline does, when it is aborted. */
  readonly stop?: AbortSignal;
  /** Runs it although it is not due. Default false. */
  readonly evenIfNotDue?: boolean;
  /** How long a job stays taken without a sign of life. Default a minute. */
  readonly takeMs?: number;
  /** How long work may be lost when it is killed. Default ten seconds. */
  readonly saveEveryMs?: number;
}

/** What a run came to. */
export type JobOutcome =
  /** Nothing was due: one read. */
  | { readonly outcome: 'not-due'; readonly dueAtMs: number }
  /** Somebody else works on it. */
  | { readonly outcome: 'busy'; readonly untilMs: number }
  /** Somebody else has taken it meanwhile. */
  | { readonly outcome: 'lost' }
  /** The time was over; the next run goes on. */
  | { readonly outcome: 'unfinished' }
  | { readonly outcome: 'done'; readonly dueAtMs: number };

const VERSION = 1;

/** Reads what is stored of a job. Throws UNSUPPORTED_FORMAT, CORRUPT_OBJECT. */
export function parseJobState<S>(name: string, { state }: StoredJob): JobRecord<S> | null {
  if (state === '') return null;
  let parsed: Partial<JobRecord<S>> & { readonly v?: number };
  try {
    parsed = JSON.parse(state) as typeof parsed;
  } catch (cause) {
    throw new MillraceError('CORRUPT_OBJECT', `the state of the job ${name} is damaged`, {
      value: state.slice(0, 200),
      hint: `Delete the item JOBS / ${name} of the table; the job begins anew.`,
      cause,
    });
  }
  if (parsed.v === VERSION) return parsed as JobRecord<S>;
  throw new MillraceError('UNSUPPORTED_FORMAT', `the state of the job ${name} is of version ${String(parsed.v)}`, {
    value: parsed.v,
    hint: 'Run maintenance with the newer release that wrote it.',
  });
}

/** Runs a job if it is due and nobody else does. Throws what the store throws after ten attempts; it may be run again then. */
export async function runJob<S>(
  deps: MaintenanceDeps,
  job: MaintenanceJob<S>,
  options: RunOptions,
): Promise<JobOutcome> {
  const { evenIfNotDue = false, takeMs = 60_000 } = options;
  const { answer: seen } = await repeatRequest(deps, () => deps.store.jobs.read(job.name));
  const dueAtMs = seen?.dueAtMs ?? 0;
  if (!evenIfNotDue && !isDue(dueAtMs, deps.store.serverClock.nowMs())) return { outcome: 'not-due', dueAtMs };
  const taken = await takeJob(deps, job.name, { seen, takeMs });
  if (taken.outcome === 'busy') return taken;
  try {
    return await runTaken(deps, job, taken.session, options);
  } catch (error) {
    if (error instanceof JobLost) return { outcome: 'lost' };
    throw error;
  }
}

async function runTaken<S>(
  deps: MaintenanceDeps,
  job: MaintenanceJob<S>,
  session: JobSession,
  { deadlineMs, stop, evenIfNotDue = false, saveEveryMs = 10_000 }: RunOptions,
): Promise<JobOutcome> {
  const { clock } = deps;
  const { serverClock } = deps.store;
  const before = parseJobState<S>(job.name, session.taken);
  const startedAtMs = before?.isUnderWay ? before.startedAtMs : serverClock.nowMs();
  const record = (own: S, isUnderWay: boolean, succeededAtMs: number) =>
    JSON.stringify({ v: VERSION, startedAtMs, succeededAtMs, isUnderWay, own });
  const earlier = before?.succeededAtMs ?? 0;
  let savedAtMs = clock.monotonicMs();
  const end = await job.run({
    epoch: session.taken.epoch,
    state: before?.own ?? null,
    isAskedFor: evenIfNotDue,
    isOver: () => stop?.aborted === true || clock.monotonicMs() >= deadlineMs,
    isSaveDue: () => clock.monotonicMs() - savedAtMs >= saveEveryMs,
    async save(state) {
      await session.save(record(state, true, earlier));
      savedAtMs = clock.monotonicMs();
    },
  });
  if (!end.isDone) {
    await session.release(record(end.state, true, earlier), 0);
    return { outcome: 'unfinished' };
  }
  await session.release(record(end.state, false, serverClock.nowMs()), end.dueAtMs);
  return { outcome: 'done', dueAtMs: end.dueAtMs };
}
