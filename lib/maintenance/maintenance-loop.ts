import { asMillraceError } from '../errors.ts';
import { LOOK_MS } from './job-schedule.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { type JobRun, type MaintenanceOptions, runMaintenance } from './run-maintenance.ts';

/** What the loop needs beside the store. */
export interface MaintenanceLoopDeps extends MaintenanceDeps {
  /** Another number whenever anything in the store was changed since, by whomever. */
  readonly changes: { count(): number };
  /** Told of each run. Default: nobody. */
  readonly onRuns?: (runs: readonly JobRun[]) => void;
}

/** How often it looks at the time and at the count of changes, which costs no request. */
const TICK_MS = 10_000;
/** Before what has failed is tried again. */
const AGAIN_MS = 60_000;

/**
 * Maintenance of a store on this machine, for as long as a process runs. While nothing is written and nothing is due it asks the store for nothing. What is written wakes it up again: retention looks a quarter of an hour
 * after its last look at the latest, however long it has found nothing.
 */
export class MaintenanceLoop {
  readonly #deps: MaintenanceLoopDeps;
  readonly #options: Omit<MaintenanceOptions, 'deadlineMs' | 'stop' | 'jobs'>;
  readonly #stop = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(deps: MaintenanceLoopDeps, options: Omit<MaintenanceOptions, 'deadlineMs' | 'stop' | 'jobs'> = {}) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Begins, with what is due. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when what runs has stored how far it is. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, changes, onRuns } = this.#deps;
    let seen = changes.count();
    let dueMs = clock.monotonicMs();
    let lookedMs = dueMs;
    while (!this.#stop.signal.aborted) {
      const nowMs = clock.monotonicMs();
      const isWoken = changes.count() !== seen && nowMs >= lookedMs + LOOK_MS;
      if (nowMs >= dueMs || isWoken) {
        const runs = await this.#maintain(isWoken && nowMs < dueMs);
        if (!this.#stop.signal.aborted) onRuns?.(runs);
        seen = changes.count();
        lookedMs = nowMs;
        dueMs = clock.monotonicMs() + Math.min(...runs.map((run) => this.#pauseMs(run)));
      }
      await clock.sleep(TICK_MS, this.#stop.signal);
    }
  }

  async #maintain(isWoken: boolean): Promise<readonly JobRun[]> {
    const options = { ...this.#options, deadlineMs: Number.POSITIVE_INFINITY, stop: this.#stop.signal };
    try {
      if (!isWoken) return await runMaintenance(this.#deps, options);
      const retention = await runMaintenance(this.#deps, { ...options, jobs: ['retention'], evenIfNotDue: true });
      return [...retention, ...(await runMaintenance(this.#deps, { ...options, jobs: ['collection'] }))];
    } catch (error) {
      return [{ job: 'retention', result: { outcome: 'failed', error: asMillraceError(error) } }];
    }
  }

  /** How long until a job is looked at again. */
  #pauseMs({ result }: JobRun): number {
    const nowMs = this.#deps.store.serverClock.nowMs();
    if (result.outcome === 'done' || result.outcome === 'not-due') return Math.max(0, result.dueAtMs - nowMs);
    return AGAIN_MS;
  }
}
