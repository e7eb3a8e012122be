/**
 * Releases the delayed records of a store on this machine: watches it instead of a stream, and sleeps until the next is due. As long as nothing is due, and nobody writes, nothing is asked of the store.
 *
 * Several processes may do so over one store; each record is released once. What became due while nobody did is released at once.
 */
import { asMillraceError } from '../errors.ts';
import type { WatchedStore } from './delay-store.ts';
import { DueReleaser, type DueReleaserDeps } from './due-releaser.ts';

/** What it needs. */
export interface LocalDelaysDeps extends Omit<DueReleaserDeps, 'store'> {
  readonly store: WatchedStore;
  /** Between two looks at whether the store has changed, which ask it for nothing. Default 50; no delay is shorter than a second. */
  readonly pollMs?: number;
}

const POLL_MS = 50;
/** Of each shard; those behind them are heard of when these are done. */
const MINUTES = 1_000;
const AGAIN_MS = 1_000;

/** See the module comment. */
export class LocalDelays {
  readonly #deps: LocalDelaysDeps;
  readonly #releaser: DueReleaser;
  readonly #stop = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(deps: LocalDelaysDeps) {
    this.#deps = deps;
    this.#releaser = new DueReleaser(deps);
  }

  /** Begins; calling it again does nothing. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Begins nothing more, and resolves when what is being released is. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#releaser.settled();
  }

  async #run(): Promise<void> {
    const { clock, pollMs = POLL_MS } = this.#deps;
    let count = Number.NaN;
    while (!this.#stop.signal.aborted) {
      try {
        count = this.#look(count);
        this.#releaser.begin(this.#stop.signal);
        const untilMs = this.#releaser.nextMs - this.#nowMs();
        await clock.sleep(Math.min(pollMs, Math.max(0, untilMs)), this.#stop.signal);
      } catch (error) {
        count = Number.NaN;
        if (!this.#stop.signal.aborted) this.#deps.onError?.(asMillraceError(error));
        await clock.sleep(AGAIN_MS, this.#stop.signal);
      }
    }
  }

  #look(before: number): number {
    const { changes } = this.#deps.store;
    const count = changes.count();
    if (count !== before) this.#releaser.hear(changes.dueMinutes(MINUTES));
    return count;
  }

  #nowMs(): number {
    return this.#deps.store.serverClock.nowMs();
  }
}
