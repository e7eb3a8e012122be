/**
 * Rings the due minutes of what one process delays: before the first record of a minute is stored, so that a crash behind that leaves somebody who comes; and behind every record whose minute is near or has begun, because whoever releases may
 * have looked already, or may have removed the minute.
 *
 * Always true: a ring that `ring` returns for began after the call; however many wait, one request of a minute is under way and one waits.
 */
import type { Clock, Random } from '../clock.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { dueMinuteKey } from './due-minute.ts';
import type { DueMinutes } from './due-records.ts';

/** What it needs. */
export interface MinuteRingsDeps {
  readonly store: { readonly dueMinutes: DueMinutes };
  readonly clock: Clock;
  readonly random: Random;
}

/** Minutes that are remembered. */
const REMEMBERED = 10_000;
/** A wall clock that was set by more than this since a minute was announced: it may have been removed meanwhile. */
const JUMP_MS = 2_000;

interface Line {
  running: Promise<void>;
  next: Promise<void> | null;
}

/** See the module comment. */
export class MinuteRings {
  readonly #deps: MinuteRingsDeps;
  /** By place: how far the wall clock was from the monotonic one when it was rung; the newest last. */
  readonly #announced = new Map<string, number>();
  readonly #lines = new Map<string, Line>();

  constructor(deps: MinuteRingsDeps) {
    this.#deps = deps;
  }

  /** Resolves once the minute is there, rung by this call or an earlier one. */
  async announce(partition: PartitionKey, minuteMs: number): Promise<void> {
    const known = this.#announced.get(placeOf(partition, minuteMs));
    const isKnown = known !== undefined && Math.abs(known - this.#offsetMs()) <= JUMP_MS;
    if (!isKnown) await this.ring(partition, minuteMs);
  }

  /** Resolves once a ring is answered that began after this call. Throws what the store throws. */
  ring(partition: PartitionKey, minuteMs: number): Promise<void> {
    const place = placeOf(partition, minuteMs);
    const line = this.#lines.get(place);
    if (line === undefined) {
      const running = this.#send(place, partition, minuteMs);
      this.#lines.set(place, { running, next: null });
      return running;
    }
    line.next ??= line.running.catch(() => {}).then(() => this.#send(place, partition, minuteMs));
    return line.next;
  }

  async #send(place: string, partition: PartitionKey, minuteMs: number): Promise<void> {
    const offsetMs = this.#offsetMs();
    try {
      const stamp = freshUuid(this.#deps.random);
      await repeatRequest(this.#deps, () => this.#deps.store.dueMinutes.ring({ partition, minuteMs, stamp }));
      this.#remember(place, offsetMs);
    } finally {
      const line = this.#lines.get(place);
      if (line?.next) this.#lines.set(place, { running: line.next, next: null });
      else this.#lines.delete(place);
    }
  }

  #remember(place: string, offsetMs: number): void {
    this.#announced.delete(place);
    this.#announced.set(place, offsetMs);
    if (this.#announced.size > REMEMBERED) this.#announced.delete(this.#announced.keys().next().value!);
  }

  #offsetMs(): number {
    return this.#deps.clock.nowMs() - this.#deps.clock.monotonicMs();
  }
}

function placeOf(partition: PartitionKey, minuteMs: number): string {
  return dueMinuteKey({ partition, minuteMs }).sk;
}
