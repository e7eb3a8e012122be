/**
 * Which resource of which stack keeps a topic or a subscription, so that a resource that was moved, renamed or rolled back takes along nothing that another one keeps by now.
 *
 * Stored as the state of the job `keeper:<kind>:<name>`, which is taken for the moment of the change. Absence: no stack has ever kept it.
 */
import type { Clock, Random } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { LogStore } from '../../log/log-store.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import { TAKE_MARGIN_MS, takeJob } from '../../maintenance/job-session.ts';
import type { MaintenancePorts } from '../../maintenance/jobs.ts';

/** See the module comment. */
export interface Keeper<F = unknown> {
  /** Stack and logical id; '' when it was let go of. */
  readonly owner: string;
  /** Who kept it before, and may get it back: a resource that is renamed is made under its new name before it is deleted under the old one. */
  readonly previous: string | null;
  /** No stack has made it: it is not deleted. */
  readonly isAdopted: boolean;
  /** What was changed of one that was adopted, as it was before. */
  readonly former: F | null;
}

/** What a deletion means. */
export type Release<F> =
  | { readonly kind: 'ours'; readonly keeper: Keeper<F> }
  /** It was taken from another resource, which keeps it again: a rollback. */
  | { readonly kind: 'handed-back' }
  /** Another resource keeps it. */
  | { readonly kind: 'not-ours' };

/** Somebody takes it; `adopted`: it was there, and what is about to be changed of it. */
export function claimed<F>(
  current: Keeper<F> | null,
  owner: string,
  adopted: { readonly former: F } | null,
): Keeper<F> {
  if (current === null) return { owner, previous: null, isAdopted: adopted !== null, former: adopted?.former ?? null };
  if (current.owner === owner) return current;
  const previous = current.owner === '' ? null : current.owner;
  const former = current.former ?? (current.isAdopted && adopted !== null ? adopted.former : null);
  return { ...current, owner, previous, former };
}

/** What a deletion by somebody means. */
export function releaseOf<F>(current: Keeper<F> | null, owner: string): Release<F> {
  if (current?.owner !== owner) return { kind: 'not-ours' };
  return current.previous === null ? { kind: 'ours', keeper: current } : { kind: 'handed-back' };
}

/** As it is after that. */
export function released<F>(current: Keeper<F> | null, owner: string): Keeper<F> | null {
  if (current === null) return null;
  // It has moved, and whoever has it is not to give it back any more.
  if (current.previous === owner) return { ...current, previous: null };
  if (current.owner !== owner) return current;
  return {
    ...current,
    owner: current.previous ?? '',
    previous: null,
    former: current.previous === null ? null : current.former,
  };
}

/** What it needs. */
export interface KeepersDeps {
  readonly store: LogStore & MaintenancePorts;
  readonly clock: Clock;
  readonly random: Random;
}

const TAKE_MS = 30_000;
const MAX_TAKES = 10;

/** The keepers of one kind. */
export class Keepers<F> {
  readonly #deps: KeepersDeps;
  readonly #kind: string;

  constructor(deps: KeepersDeps, kind: 'topic' | 'subscription') {
    this.#deps = deps;
    this.#kind = kind;
  }

  /** Null: no stack has ever kept it. */
  async read(name: string): Promise<Keeper<F> | null> {
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.jobs.read(this.#jobOf(name)));
    return parsed(answer?.state ?? '');
  }

  /** Changes it, and returns what it is then. Throws TOPIC_BUSY when others change it all the time. */
  async change(name: string, how: (current: Keeper<F> | null) => Keeper<F> | null): Promise<Keeper<F> | null> {
    const { store, clock } = this.#deps;
    for (let take = 0; take < MAX_TAKES; take++) {
      const { answer: seen } = await repeatRequest(this.#deps, () => store.jobs.read(this.#jobOf(name)));
      const taken = await takeJob(this.#deps, this.#jobOf(name), { seen, takeMs: TAKE_MS });
      if (taken.outcome === 'busy') {
        await clock.sleep(Math.max(100, taken.untilMs + TAKE_MARGIN_MS - store.serverClock.nowMs()));
        continue;
      }
      const changed = how(parsed<F>(taken.session.taken.state));
      await taken.session.release(changed === null ? '' : JSON.stringify(changed), 0);
      return changed;
    }
    throw new MillraceError('TOPIC_BUSY', `the ${this.#kind} ${name} is being changed by others`, {
      value: name,
      hint: 'Deploy again.',
    });
  }

  /** Takes it for an action; where the action fails, it is as it was. */
  async keeping<T>(
    name: string,
    claim: (current: Keeper<F> | null) => Keeper<F>,
    action: (keeper: Keeper<F>) => Promise<T>,
  ): Promise<T> {
    let before: Keeper<F> | null = null;
    const keeper = (await this.change(name, (current) => {
      before = current;
      return claim(current);
    }))!;
    try {
      return await action(keeper);
    } catch (error) {
      await this.change(name, (current) => (current?.owner === keeper.owner ? before : current));
      throw error;
    }
  }

  #jobOf(name: string): string {
    return `keeper:${this.#kind}:${name}`;
  }
}

function parsed<F>(state: string): Keeper<F> | null {
  return state === '' ? null : (JSON.parse(state) as Keeper<F>);
}
