/**
 * Work on record batches, in the order in which it came. After so many bytes the event loop has its turn: who sends a large request, or one that decompresses to much, does not keep other connections
 * waiting.
 */
import type { Clock } from '../clock.ts';

/** A few milliseconds of checking. */
const TURN_BYTES = 4 * 1024 * 1024;

/** Says how many bytes were looked at. */
export type SpendBytes = (bytes: number) => void;

/** See the module comment. */
export class BatchTurns {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #waiting: (() => void)[] = [];
  #spentBytes = 0;

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  /** Runs some work at once while this turn has room and nobody waits, otherwise in a later turn. Rejects with what it throws. */
  run<T>(work: (spend: SpendBytes) => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const begin = () => {
      try {
        resolve(work((bytes) => this.#spend(bytes)));
      } catch (error) {
        reject(error);
      }
    };
    if (this.#waiting.length === 0 && this.#spentBytes < TURN_BYTES) begin();
    else this.#waiting.push(begin);
    return promise;
  }

  #spend(bytes: number): void {
    if (this.#spentBytes === 0 && bytes > 0) void this.#clock.sleep(0).then(() => this.#nextTurn());
    this.#spentBytes += bytes;
  }

  #nextTurn(): void {
    this.#spentBytes = 0;
    while (this.#spentBytes < TURN_BYTES) {
      const begin = this.#waiting.shift();
      if (begin === undefined) return;
      begin();
    }
  }
}
