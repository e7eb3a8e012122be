/** The slots of one worker: getting them, keeping them, giving them back, and telling those who waited. */
import { backoffMs } from '../../log/backoff.ts';
import { freshUuid } from '../../log/fresh-uuid.ts';
import { inParallel } from '../../log/in-parallel.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { FunctionSubscription } from '../function-subscription.ts';
import type { WorkPlace } from '../work-place.ts';
import {
  freeSlots,
  keptPlaces,
  othersWait,
  renewSlots,
  type SlotChange,
  type SlotWorker,
  takeSlots,
} from './slot-decisions.ts';
import { type SlotShard, slotShard } from './slot-shards.ts';
import { isSamePlace, NO_SLOTS, type SlotPlace, type Slots } from './slots.ts';

/** Where others wait, a worker goes on so long at most before it waits for its next turn. */
const TURN_MS = 5_000;
/** Changes by others under our hands; each of them is somebody's success. */
const MAX_LOOKS = 30;
const PARALLEL = 16;

/** Slots that a worker has. */
interface HeldSlots extends SlotShard {
  /** The subscription under whose name they are. */
  readonly root: string;
  readonly worker: SlotWorker;
  readonly calls: number;
  readonly sinceMs: number;
  readonly expiresAtMs: number;
}

/** The group by whose name the limits of a subscription go: its retry topics share them. */
export function limitedGroup({ group, retry }: FunctionSubscription): string {
  return retry?.of ?? group;
}

/** See the top of this file. */
export class SlotSession {
  readonly #place: WorkPlace;
  readonly #leaseMs: number;
  #held: HeldSlots | null = null;
  /** As they were seen last, by shard and group: a guess saves a read. */
  #seen: { readonly name: string; readonly slots: Slots } | null = null;

  constructor(place: WorkPlace, leaseMs: number) {
    this.#place = place;
    this.#leaseMs = leaseMs;
  }

  /** Calls that may be made at once; 0: none. */
  get calls(): number {
    return this.#held?.calls ?? 0;
  }

  /** Whether it is time to let others have their turn, if there are any. */
  get isTurnOver(): boolean {
    return this.#held !== null && this.#place.nowMs() - this.#held.sinceMs >= TURN_MS;
  }

  /** Gets slots for up to `wanted` calls, which may be fewer; has those that it had before. False: there is none. Then it is written down that this partition waits, and it is rung for when one comes free; behind very many others it is not. */
  async take(subscription: FunctionSubscription, epoch: number, wanted: number): Promise<boolean> {
    const { maximumConcurrency } = subscription.options;
    const root = limitedGroup(subscription);
    const { group, partition } = this.#place;
    const shard = slotShard(maximumConcurrency, partition.partition);
    // By other options they are others.
    if (this.#held !== null && (this.#held.shard !== shard.shard || this.#held.limit !== shard.limit))
      await this.free();
    const before = this.#held;
    if (before !== null && before.expiresAtMs - this.#place.nowMs() > (this.#leaseMs * 2) / 3) return true;
    const worker = before?.worker ?? { group, ...partition, epoch };
    const terms = { limit: shard.limit, wanted: Math.min(wanted, shard.limit) };
    const grant = await this.#change(root, shard.shard, (slots) => {
      const nowMs = this.#place.nowMs();
      return { nowMs, ...takeSlots(slots, worker, { ...terms, nowMs, expiresAtMs: Math.ceil(nowMs + this.#leaseMs) }) };
    });
    if (grant === null || grant.calls === 0) {
      this.#held = null;
      return false;
    }
    const { nowMs } = grant;
    this.#held = {
      ...shard,
      root,
      worker,
      calls: grant.calls,
      sinceMs: before?.sinceMs ?? nowMs,
      expiresAtMs: nowMs + this.#leaseMs,
    };
    return true;
  }

  /** Makes them last as long as the lease. */
  async renew(): Promise<void> {
    const held = this.#held;
    if (held === null) return;
    const expiresAtMs = Math.ceil(this.#place.nowMs() + this.#leaseMs);
    const { worker, calls, limit } = held;
    const change = (slots: Slots) =>
      renewSlots(slots, worker, { limit, nowMs: this.#place.nowMs(), calls, expiresAtMs });
    if ((await this.#change(held.root, held.shard, change)) !== null) this.#held = { ...held, expiresAtMs };
  }

  /** Gives them back if others wait, and waits for the next turn behind them; false: nobody waits, and they are kept. */
  async yieldTurn(): Promise<boolean> {
    const held = this.#held;
    if (held === null) return false;
    await this.renew();
    if (!othersWait(this.#seen?.slots ?? NO_SLOTS, held.worker)) {
      this.#held = { ...(this.#held ?? held), sinceMs: this.#place.nowMs() };
      return false;
    }
    await this.#giveBack(held, true);
    return true;
  }

  /** Gives them back. */
  async free(): Promise<void> {
    if (this.#held !== null) await this.#giveBack(this.#held, false);
  }

  async #giveBack(held: HeldSlots, isQueueing: boolean): Promise<void> {
    this.#held = null;
    const { root, shard, limit, worker } = held;
    await this.#change(root, shard, (slots) => {
      return freeSlots(slots, worker, { limit, nowMs: this.#place.nowMs(), isQueueing });
    });
  }

  /** Whether a slot is kept for this partition, which waited for it: for whoever has released its lease, since the ring found it held. */
  async isKept(subscription: FunctionSubscription): Promise<boolean> {
    const root = limitedGroup(subscription);
    const { group, partition } = this.#place;
    const { shard } = slotShard(subscription.options.maximumConcurrency, partition.partition);
    const slots = await this.#read(root, shard);
    return keptPlaces(slots).some((one) => isSamePlace(one, { group, ...partition }));
  }

  /** Changes slots until it succeeds; null: others were faster each time. Those for whom one is kept then are rung for. */
  async #change<C extends SlotChange>(root: string, shard: number, decide: (slots: Slots) => C): Promise<C | null> {
    const { deps } = this.#place;
    let slots = this.#seen?.name === `${shard} ${root}` ? this.#seen.slots : await this.#read(root, shard);
    for (let look = 1; look <= MAX_LOOKS; look++) {
      const decision = decide(slots);
      const { holders, waiting } = decision.slots;
      // The subscription was deleted meanwhile: nothing is left behind.
      if (slots.by === '' && holders.length + waiting.length === 0) return decision;
      const next = { ...decision.slots, by: freshUuid(deps.random) };
      const args = { seen: slots.by, next };
      const { answer, unanswered } = await repeatRequest(deps, () => deps.store.limits.replaceSlots(root, shard, args));
      const stored = answer.item ?? NO_SLOTS;
      const isDone = answer.outcome === 'done' || stored.by === next.by;
      this.#seen = { name: `${shard} ${root}`, slots: stored };
      // Of a change whose answer was lost nobody knows any more whom it should have told.
      const told = unanswered ? [...decision.kept, ...keptPlaces(stored)] : isDone ? decision.kept : [];
      await this.#ring(told);
      if (isDone) return decision;
      slots = stored;
      if (look > 1) await deps.clock.sleep(backoffMs(1, deps.random));
    }
    return null;
  }

  async #read(root: string, shard: number): Promise<Slots> {
    const { deps } = this.#place;
    const { answer } = await repeatRequest(deps, () => deps.store.limits.readSlots(root, shard));
    const slots = answer ?? NO_SLOTS;
    this.#seen = { name: `${shard} ${root}`, slots };
    return slots;
  }

  async #ring(places: readonly SlotPlace[]): Promise<void> {
    const { deps, key } = this.#place;
    const others = places.filter((one) => !isSamePlace(one, { group: key.group, ...key.partition }));
    await inParallel(others, PARALLEL, async ({ group, topicId, partition }) => {
      const stamp = freshUuid(deps.random);
      await repeatRequest(deps, () => deps.store.bells.ring({ group, partition: { topicId, partition } }, stamp));
    });
  }
}
