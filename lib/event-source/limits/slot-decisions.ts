/**
 * Who gets a slot, and who has to wait for one: pure decisions over what is stored.
 *
 * Always true: the calls of those whose slots have not run out are never more than the limit, unless the limit was lowered meanwhile or somebody went on calling with slots that had run out. A slot that comes free goes to the one who has
 * waited longest: it is kept for him for a while, so that nobody who comes in between is faster.
 */
import { isSamePlace, type SlotHolder, type SlotPlace, type Slots, type SlotWaiter } from './slots.ts';

/** Clocks differ: slots count as run out only so long after their end. */
export const SLOT_MARGIN_MS = 2_000;
/** Who waits looks again within two minutes. Who has not for so long has nothing to do any more, and is forgotten. */
const FORGOTTEN_MS = 300_000;
/** So long a slot is kept for one who waited and was told. */
const KEPT_MS = 10_000;
/** Who comes behind so many others is not written down, and looks again by itself. */
export const MAX_WAITING = 100;

/** What all decisions go by. */
export interface SlotTerms {
  /** Most calls at once. */
  readonly limit: number;
  readonly nowMs: number;
}

/** A worker: the partition, and the epoch of its lease. */
export interface SlotWorker extends SlotPlace {
  readonly epoch: number;
}

/** A change, and who is to be told that a slot is kept for him. */
export interface SlotChange {
  readonly slots: Slots;
  readonly kept: readonly SlotPlace[];
}

/** What a worker that wants slots gets; 0 calls: it has to wait, and is told when one comes free. */
export interface SlotGrant extends SlotChange {
  readonly calls: number;
}

/** Gives a worker slots: one at least, and up to `wanted` if nobody waits. */
export function takeSlots(
  slots: Slots,
  worker: SlotWorker,
  terms: SlotTerms & { readonly wanted: number; readonly expiresAtMs: number },
): SlotGrant {
  const { limit, wanted, expiresAtMs } = terms;
  const live = liveHolders(slots, terms);
  const had = live.find((one) => isWorker(one, worker));
  if (had !== undefined) {
    const holders = live.map((one) => (one === had ? { ...one, expiresAtMs } : one));
    return { slots: { ...slots, holders }, kept: [], calls: had.calls };
  }
  const waiters = liveWaiters(slots, terms);
  const isListed = waiters.some((one) => isSamePlace(one, worker));
  const hasKept = live.some((one) => isKeptFor(one, worker));
  const asking = { ...placeOf(worker), askedMs: terms.nowMs };
  const again = waiters.map((one) => (isSamePlace(one, worker) ? asking : one));
  const queue = isListed || hasKept ? again : [...waiters, asking];
  const kept = keepFree({ ...slots, holders: live, waiting: queue }, terms);
  const own = kept.slots.holders.find((one) => isKeptFor(one, worker));
  const others = kept.kept.filter((one) => !isSamePlace(one, worker));
  if (own === undefined) {
    const waiting = kept.slots.waiting.slice(0, Math.max(MAX_WAITING, slots.waiting.length));
    return { slots: { ...kept.slots, waiting }, kept: others, calls: 0 };
  }
  const rest = kept.slots.holders.filter((one) => one !== own);
  const isAlone = kept.slots.waiting.length === 0;
  const calls = isAlone ? Math.max(1, Math.min(wanted, limit - callsOf(rest))) : 1;
  const waiting = kept.slots.waiting.filter((one) => !isSamePlace(one, worker));
  const holders = [...rest, { ...placeOf(worker), epoch: worker.epoch, calls, expiresAtMs }];
  return { slots: { ...kept.slots, holders, waiting }, kept: others, calls };
}

/** Makes the slots of a worker last longer; of one whose slots were given away meanwhile they are written down again, since it calls. */
export function renewSlots(
  slots: Slots,
  worker: SlotWorker,
  terms: SlotTerms & { readonly calls: number; readonly expiresAtMs: number },
): SlotChange {
  const { calls, expiresAtMs } = terms;
  const others = liveHolders(slots, terms).filter((one) => !isWorker(one, worker));
  const holders = [...others, { ...placeOf(worker), epoch: worker.epoch, calls, expiresAtMs }];
  return { slots: { ...slots, holders }, kept: [] };
}

/** Gives the slots of a worker back; `isQueueing`: it waits for its next turn behind all others. */
export function freeSlots(
  slots: Slots,
  worker: SlotWorker,
  terms: SlotTerms & { readonly isQueueing: boolean },
): SlotChange {
  const holders = liveHolders(slots, terms).filter((one) => !isWorker(one, worker));
  const waiters = liveWaiters(slots, terms);
  const others = waiters.filter((one) => !isSamePlace(one, worker));
  const isTold = holders.some((one) => isKeptFor(one, worker));
  const isListed = terms.isQueueing && !isTold && others.length < MAX_WAITING;
  const waiting = isListed ? [...others, { ...placeOf(worker), askedMs: terms.nowMs }] : waiters;
  return keepFree({ ...slots, holders, waiting }, terms);
}

/** Those for whom a slot is kept, told or not. */
export function keptPlaces({ holders }: Slots): readonly SlotPlace[] {
  return holders.filter(({ epoch }) => epoch === 0).map(placeOf);
}

/** Whether somebody else waits. */
export function othersWait({ waiting }: Slots, worker: SlotPlace): boolean {
  return waiting.some((one) => !isSamePlace(one, worker));
}

/** Keeps what is free for those who have waited longest. */
function keepFree(slots: Slots, { limit, nowMs }: SlotTerms): SlotChange {
  const free = Math.max(0, limit - callsOf(slots.holders));
  const kept = slots.waiting.slice(0, free).map(placeOf);
  const holders = kept.map((one) => ({ ...one, epoch: 0, calls: 1, expiresAtMs: nowMs + KEPT_MS }));
  return {
    slots: { ...slots, holders: [...slots.holders, ...holders], waiting: slots.waiting.slice(free) },
    kept,
  };
}

function liveHolders({ holders }: Slots, { nowMs }: SlotTerms): readonly SlotHolder[] {
  return holders.filter(({ expiresAtMs }) => expiresAtMs + SLOT_MARGIN_MS > nowMs);
}

function liveWaiters({ waiting }: Slots, { nowMs }: SlotTerms): readonly SlotWaiter[] {
  return waiting.filter(({ askedMs }) => askedMs + FORGOTTEN_MS > nowMs);
}

const callsOf = (holders: readonly SlotHolder[]): number => holders.reduce((sum, { calls }) => sum + calls, 0);
const placeOf = ({ group, topicId, partition }: SlotPlace): SlotPlace => ({ group, topicId, partition });
const isWorker = (one: SlotHolder, worker: SlotWorker) => one.epoch === worker.epoch && isSamePlace(one, worker);
const isKeptFor = (one: SlotHolder, place: SlotPlace) => one.epoch === 0 && isSamePlace(one, place);
