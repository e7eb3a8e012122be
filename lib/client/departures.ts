/**
 * When small batches leave: at once when the producer was idle, or when only one record is unacknowledged, so that whoever sends seldom, or one by one, does not wait. Otherwise a turn of the event
 * loop (a millisecond) later, so that whoever sends from a loop full of awaits does not get a batch for each record.
 */
import type { Clock } from '../clock.ts';
import type { PartitionQueue } from './partition-queue.ts';

/** See the top of this file. */
export class Departures {
  readonly #clock: Clock;
  /** Whether more than one record is unacknowledged. */
  readonly #isBusy: () => boolean;
  readonly #leave: (queue: PartitionQueue) => void;
  /** Queues whose batch may leave at the end of this turn. */
  readonly #ready = new Set<PartitionQueue>();
  #isWaiting = false;
  #turn: Promise<void> | null = null;

  constructor(clock: Clock, isBusy: () => boolean, leave: (queue: PartitionQueue) => void) {
    this.#clock = clock;
    this.#isBusy = isBusy;
    this.#leave = leave;
  }

  /** The batch of this queue is due, and none of its partition is under way. */
  add(queue: PartitionQueue): void {
    this.#ready.add(queue);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    void this.#turnEnd().then(() => {
      this.#isWaiting = false;
      for (const ready of this.#ready) if (ready.open?.due && ready.underWay === 0) this.#leave(ready);
      this.#ready.clear();
    });
  }

  #turnEnd(): Promise<void> {
    if (this.#turn !== null && this.#isBusy()) return this.#turn;
    this.#turn ??= this.#clock.sleep(0).then(() => {
      this.#turn = null;
    });
    return Promise.resolve();
  }
}
