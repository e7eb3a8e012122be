/** Taking a job, and what its owner stores of it. */
import { freshUuid } from '../log/fresh-uuid.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import type { StoredJob } from './stored-job.ts';

/** Clocks differ: a take counts as over only so long after its end. */
export const TAKE_MARGIN_MS = 2_000;

/** Thrown where work goes on although another has taken the job. Nothing that it has done is harmful; what it would store is refused. */
export class JobLost extends Error {
  override readonly name = 'JobLost';
}

/** What came of a take. */
export type TakeOutcome =
  | { readonly outcome: 'taken'; readonly session: JobSession }
  | { readonly outcome: 'busy'; readonly untilMs: number };

/** A take that ends later than one from now would, by more than clocks differ, was made under a clock that was wrong. */
const FAR_MS = 3_600_000;

/** When a job is free, ms since 1970; 0: now. Whoever still works on it is fenced by the next take, so nothing but work is lost where it was alive. */
function freeAt(expiresAtMs: number, ownEndMs: number): number {
  return expiresAtMs > ownEndMs + FAR_MS ? 0 : expiresAtMs;
}

/** Looks at a job that changes under our hands. */
const MAX_LOOKS = 5;

/** Takes a job if it is free; `seen` is what was read of it. Throws what the store throws after ten attempts. */
export async function takeJob(
  deps: MaintenanceDeps,
  name: string,
  { seen, takeMs }: { readonly seen: StoredJob | null; readonly takeMs: number },
): Promise<TakeOutcome> {
  const { serverClock, jobs } = deps.store;
  let current = seen;
  for (let look = 0; look < MAX_LOOKS; look++) {
    const freeAtMs = current === null ? 0 : freeAt(current.expiresAtMs, serverClock.nowMs() + takeMs);
    if (freeAtMs > serverClock.nowMs() - TAKE_MARGIN_MS) return { outcome: 'busy', untilMs: freeAtMs };
    const expiredAtMs = current?.expiresAtMs ?? 0;
    // Fresh for each look, so that a request of a former one that comes late cannot be taken for this one.
    const owner = freshUuid(deps.random);
    const epoch = current?.epoch ?? 0;
    const { answer } = await repeatRequest(deps, () => {
      const nowMs = serverClock.nowMs();
      // The very take that was judged as over, however far ahead its end is.
      const overMs = Math.max(nowMs - TAKE_MARGIN_MS, expiredAtMs);
      const args = { owner, seen: epoch, nowMs: overMs, expiresAtMs: Math.ceil(nowMs + takeMs) };
      return jobs.take(name, args);
    });
    const { item } = answer;
    if (item !== undefined && (answer.outcome === 'done' || item.owner === owner)) {
      return { outcome: 'taken', session: new JobSession(deps, name, { taken: item, takeMs }) };
    }
    current = item ?? null;
  }
  return { outcome: 'busy', untilMs: serverClock.nowMs() };
}

/** A job that was taken. */
export class JobSession {
  readonly taken: StoredJob;
  readonly #deps: MaintenanceDeps;
  readonly #name: string;
  readonly #takeMs: number;
  #sequence = 0;

  constructor(
    deps: MaintenanceDeps,
    name: string,
    { taken, takeMs }: { readonly taken: StoredJob; readonly takeMs: number },
  ) {
    this.#deps = deps;
    this.#name = name;
    this.taken = taken;
    this.#takeMs = takeMs;
  }

  /** Stores how far it is, and stays its owner; should it be killed, the rest is due at once. Throws JobLost, and what the store throws after ten attempts. */
  save(state: string): Promise<void> {
    const expiresAtMs = Math.ceil(this.#deps.store.serverClock.nowMs() + this.#takeMs);
    return this.#update({ state, expiresAtMs, dueAtMs: 0 });
  }

  /** Stores how far it is and lets others have it, from `dueAtMs` on. As `save`. */
  release(state: string, dueAtMs: number): Promise<void> {
    return this.#update({ state, expiresAtMs: 0, dueAtMs });
  }

  async #update(what: Pick<StoredJob, 'state' | 'expiresAtMs' | 'dueAtMs'>): Promise<void> {
    this.#sequence += 1;
    const { owner, epoch } = this.taken;
    const args = { ...what, owner, epoch, sequence: this.#sequence };
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.jobs.update(this.#name, args));
    // Refused by this very update, whose first answer was lost.
    const { item } = answer;
    const isOurs = item?.owner === owner && item.epoch === epoch && item.sequence === args.sequence;
    if (answer.outcome === 'refused' && !isOurs) throw new JobLost(`another has taken ${this.#name}`);
  }
}
