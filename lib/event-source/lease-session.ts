/** Taking a lease, and everything that its owner does with it. */

import { freshUuid } from '../log/fresh-uuid.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { Lease } from './lease.ts';
import type { UpdateLeaseArgs } from './lease-transitions.ts';

/** What whoever works with leases needs. */
type LeaseDeps = Pick<EventSourceDeps, 'store' | 'clock' | 'random'>;

/** What a take needs to know. */
export interface TakeRequest {
  readonly group: string;
  readonly topic: string;
  readonly partition: PartitionKey;
  /** The epoch that was seen last, 0 for none. A guess that is wrong costs one more request. */
  readonly seen: number;
  readonly leaseMs: number;
}

/** Clocks differ: a lease counts as run out only so long after its end. */
export const LEASE_MARGIN_MS = 2_000;
/** Looks at a lease that changes under our hands. */
const MAX_LOOKS = 5;

/** What came of a take. */
export type TakeOutcome =
  | { readonly outcome: 'taken'; readonly session: LeaseSession }
  /** Somebody else has it, who will see to everything that was committed before he lets go. */
  | { readonly outcome: 'busy'; readonly untilMs: number }
  /** It was there when it was seen: the subscription was deleted. */
  | { readonly outcome: 'gone' };

/** Takes a lease if it is free. Throws what the store throws after ten attempts. */
export async function takeLease(deps: LeaseDeps, request: TakeRequest): Promise<TakeOutcome> {
  const { group, topic, partition, leaseMs } = request;
  let { seen } = request;
  for (let look = 0; look < MAX_LOOKS; look++) {
    // Fresh for each look, so that a request of a former one that comes late cannot be taken for this one.
    const owner = freshUuid(deps.random);
    const { answer } = await repeatRequest(deps, () => {
      const nowMs = Math.floor(deps.clock.nowMs());
      const args = { topic, owner, seen, nowMs: nowMs - LEASE_MARGIN_MS, expiresAtMs: Math.ceil(nowMs + leaseMs) };
      return deps.store.leases.take(group, partition, args);
    });
    const { item } = answer;
    if (answer.outcome === 'done' || item?.owner === owner) {
      return { outcome: 'taken', session: new LeaseSession(deps, group, item!) };
    }
    if (item === undefined && seen > 0) return { outcome: 'gone' };
    const isFree = item === undefined || item.expiresAtMs <= deps.clock.nowMs() - LEASE_MARGIN_MS;
    if (!isFree) return { outcome: 'busy', untilMs: item.expiresAtMs };
    seen = item?.generation ?? 0;
  }
  return { outcome: 'busy', untilMs: Math.floor(deps.clock.nowMs()) };
}

/** What an update says; the rest stays. */
export type LeaseUpdate = Pick<UpdateLeaseArgs, 'committed' | 'attempts' | 'progress' | 'expiresAtMs' | 'notBeforeMs'>;

/** A lease that was taken. After one update was refused it is over. */
export class LeaseSession {
  readonly #deps: LeaseDeps;
  readonly #group: string;
  readonly #partition: PartitionKey;
  readonly taken: Lease;
  #sequence = 0;

  constructor(deps: LeaseDeps, group: string, taken: Lease) {
    this.#deps = deps;
    this.#group = group;
    this.#partition = taken.partition;
    this.taken = taken;
  }

  get epoch(): number {
    return this.taken.generation;
  }

  /** Until answered; false when somebody else has taken the lease, or an administrator has moved it: then nothing was changed, and nothing may be done any more. Throws what the store throws after ten attempts. */
  async update(update: LeaseUpdate): Promise<boolean> {
    this.#sequence += 1;
    const args = {
      ...update,
      owner: this.taken.owner,
      epoch: this.epoch,
      sequence: this.#sequence,
      atMs: Math.floor(this.#deps.clock.nowMs()),
    };
    const { answer } = await repeatRequest(this.#deps, () =>
      this.#deps.store.leases.update(this.#group, this.#partition, args),
    );
    if (answer.outcome === 'done') return true;
    // Refused by this very update, whose first answer was lost.
    const { item } = answer;
    return item?.owner === args.owner && item.generation === args.epoch && item.sequence === args.sequence;
  }
}
