import { repeatRequest } from '../log/repeat-request.ts';
import type { GroupDeps } from './group-deps.ts';

/** How often a member beats, and for how long it may be silent. */
export interface PulseOptions {
  readonly group: string;
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
}

/** A beat is due a little before the next look at the group, so that the two go together. */
const DUE_SHARE = 0.8;

/**
 * The heartbeat of one member from its side.
 *
 * Always true: the session is counted from when the last answered beat was sent, so it ends here before it can end for anybody who watches.
 */
export class Pulse {
  readonly #deps: GroupDeps;
  readonly #options: PulseOptions;
  #memberId = '';
  #count = 0;
  /** What the last answered beat said. */
  #generation = 0;
  /** Monotonic. */
  #sentMs = 0;

  constructor(deps: GroupDeps, options: PulseOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** The first sign of life of a new member, before it joins. Throws what the store throws after ten attempts. */
  async begin(memberId: string): Promise<void> {
    const { clock } = this.#deps;
    const sentMs = clock.monotonicMs();
    const heartbeat = { memberId, count: 0, generation: 0, atMs: Math.floor(clock.nowMs()) };
    await repeatRequest(this.#deps, () => this.#deps.store.heartbeats.put(this.#options.group, heartbeat));
    this.#memberId = memberId;
    this.#count = 0;
    this.#generation = 0;
    this.#sentMs = sentMs;
  }

  /** Whether others may have taken the member for dead. */
  get isExpired(): boolean {
    return this.#deps.clock.monotonicMs() - this.#sentMs > this.#options.sessionTimeoutMs;
  }

  /** Whether it is time to beat, or there is news to tell: `generation` is the newest that may be acknowledged. */
  isDue(generation: number): boolean {
    const dueMs = this.#sentMs + DUE_SHARE * this.#options.heartbeatIntervalMs;
    return generation > this.#generation || this.#deps.clock.monotonicMs() >= dueMs;
  }

  /** Beats once: false when the heartbeat is not there any more. Not repeated: the next beat says more. */
  async beat(generation: number): Promise<boolean> {
    const { clock, store } = this.#deps;
    const sentMs = clock.monotonicMs();
    this.#count += 1;
    const args = { count: this.#count, generation, atMs: Math.floor(clock.nowMs()) };
    const { outcome, item } = await store.heartbeats.beat(this.#options.group, this.#memberId, args);
    if (outcome === 'done') this.#answered(sentMs, generation);
    else this.#count = Math.max(this.#count, item?.count ?? 0);
    return outcome === 'done' || item !== undefined;
  }

  /** Writes the heartbeat again: somebody has swept it away, although the member is in the group. */
  async restore(generation: number): Promise<void> {
    const { clock, store } = this.#deps;
    const sentMs = clock.monotonicMs();
    this.#count += 1;
    const heartbeat = { memberId: this.#memberId, count: this.#count, generation, atMs: Math.floor(clock.nowMs()) };
    await store.heartbeats.put(this.#options.group, heartbeat);
    this.#answered(sentMs, generation);
  }

  #answered(sentMs: number, generation: number): void {
    this.#sentMs = sentMs;
    this.#generation = generation;
  }
}
