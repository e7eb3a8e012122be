/** Where ids come from. */
import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeId, encodeId, firstIdAt, ID_BYTES, idTimeMs, MAX_ID_TIME_MS, type SegmentId } from './segment-id.ts';
import { ServerClock } from './server-clock.ts';

/** Makes ids that nobody else makes. */
export interface IdSource {
  /** A new id, above `floor` and above every id that this source made before and that may be committed; pass `ZERO_ID` for no floor. */
  next(floor: SegmentId): SegmentId;
}

/** What a `UlidSource` makes ids of. */
export interface UlidSourceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Corrects the wall clock by the stores' answers. Default: one over `clock` that hears of no answer. */
  readonly serverClock?: ServerClock;
}

const TIME_BYTES = 6;
const RANDOM_BYTES = 10;

/**
 * ULIDs of max(corrected clock, floor's ms + 1, last ms), with 80 fresh random bits.
 *
 * Within one millisecond, and while the clock stands behind the last id, the random bits of the last id are incremented, so that ids of one
 * source ascend. When they overflow, the next millisecond is taken. A floor is passed by a whole millisecond, because ids of its millisecond that others
 * made may be anywhere above it.
 *
 * An id that the stores' clock shows to be too far ahead is never committed, so it is forgotten rather than followed: made by a wall clock that was wrong until the first
 * answer, or above one partition's floor, it would lead all ids after it too far ahead.
 */
export class UlidSource implements IdSource {
  readonly #random: Random;
  readonly #serverClock: ServerClock;
  #lastMs = -1;
  #last: Uint8Array = new Uint8Array(ID_BYTES);

  constructor({ clock, random, serverClock }: UlidSourceOptions) {
    this.#random = random;
    this.#serverClock = serverClock ?? new ServerClock(clock);
  }

  /** Throws INVALID_REQUEST when `floor` is not an id, or so high that no id above it can be made (year 10889). */
  next(floor: SegmentId): SegmentId {
    const timeMs = Math.max(this.#serverClock.nowMs(), idTimeMs(floor) + 1);
    if (this.#isLastTooFarAhead()) this.#lastMs = -1;
    const successor = timeMs > this.#lastMs ? null : incremented(this.#last);
    if (successor === null) this.#start(Math.max(timeMs, this.#lastMs + 1), floor);
    else this.#last = successor;
    return decodeId(this.#last);
  }

  #isLastTooFarAhead(): boolean {
    if (this.#lastMs < 0) return false;
    return (this.#serverClock.aheadMs(firstIdAt(this.#lastMs)) ?? 0) > limits.clockAheadMs;
  }

  /** Begins a millisecond with fresh random bits. */
  #start(timeMs: number, floor: SegmentId): void {
    if (timeMs > MAX_ID_TIME_MS) {
      throw new MillraceError('INVALID_REQUEST', `no id above ${floor} can be made`, {
        value: floor,
        hint: 'A clock far in the future made an id; check the clocks of the writers and the floor of the partition.',
      });
    }
    const bytes = encodeId(firstIdAt(timeMs));
    bytes.set(this.#random.bytes(RANDOM_BYTES), TIME_BYTES);
    this.#lastMs = timeMs;
    this.#last = bytes;
  }
}

/** The id with one added to its random part, or null when that was the highest already. */
function incremented(id: Uint8Array): Uint8Array | null {
  const successor = id.slice();
  for (let index = ID_BYTES - 1; index >= TIME_BYTES; index--) {
    successor[index] = (successor[index]! + 1) & 0xff;
    if (successor[index] !== 0) return successor;
  }
  return null;
}
