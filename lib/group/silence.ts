import type { ObservedGroup } from './groups.ts';

interface Sign {
  readonly count: number;
  readonly sinceMs: number;
}

/** A heartbeat of nobody in the group is swept away after this long: whoever is about to join writes its heartbeat first. */
const STRAY_MS = 60_000;

/**
 * Heartbeats of other members as one observer saw them, on its own monotonic clock: nobody's wall clock is believed.
 *
 * When the observer itself was blind for longer than `blindMs` (an outage, a stopped process), that time is not counted: nobody could be heard.
 */
export class Silence {
  /** Looks further apart than this do not count. */
  readonly blindMs: number;
  /** By member id. */
  #signs = new Map<string, Sign>();
  #notedMs: number | null = null;

  constructor(blindMs: number) {
    this.blindMs = blindMs;
  }

  /** Notes what was seen at `nowMs`. Members without a heartbeat are noted too: they may have lost it, or be half gone. */
  note({ group, heartbeats }: ObservedGroup, nowMs: number): void {
    const counts = new Map(heartbeats.map(({ memberId, count }) => [memberId, count]));
    for (const { id } of group?.members ?? []) if (!counts.has(id)) counts.set(id, -1);
    const gapMs = this.#notedMs === null ? 0 : nowMs - this.#notedMs;
    const uncountedMs = gapMs > this.blindMs ? gapMs : 0;
    const signs = new Map<string, Sign>();
    for (const [id, count] of counts) {
      const before = this.#signs.get(id);
      const isSilent = before?.count === count;
      signs.set(id, isSilent ? { count, sinceMs: before.sinceMs + uncountedMs } : { count, sinceMs: nowMs });
    }
    this.#signs = signs;
    this.#notedMs = nowMs;
  }

  /** Members that were silent for longer than their session, as far as this observer can tell; never itself. */
  deadMembers({ group }: ObservedGroup, observerId: string | null, nowMs: number): readonly string[] {
    const others = group?.members.filter(({ id }) => id !== observerId) ?? [];
    return others.filter(({ id, sessionMs }) => this.#lengthMs(id, nowMs) > sessionMs).map(({ id }) => id);
  }

  /** Silent heartbeats of nobody in the group. */
  strayHeartbeats({ group, heartbeats }: ObservedGroup, nowMs: number): readonly string[] {
    const members = new Set(group?.members.map(({ id }) => id));
    const strays = heartbeats.filter(({ memberId }) => !members.has(memberId)).map(({ memberId }) => memberId);
    return strays.filter((memberId) => this.#lengthMs(memberId, nowMs) > STRAY_MS);
  }

  /** 0 for one that was never looked for. */
  #lengthMs(memberId: string, nowMs: number): number {
    const sign = this.#signs.get(memberId);
    return sign === undefined ? 0 : nowMs - sign.sinceMs;
  }
}
