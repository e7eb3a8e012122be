/** What must hold of dead letters, whoever is killed while he works on them: none vanishes that was neither sent back nor discarded. */
import type { DeadLetter } from '../../../lib/event-source/dead-letter.ts';
import type { RunRecorder } from '../../simulate/run-recorder.ts';

/** See the top of this file. */
export class LettersOracle {
  readonly #recorder: RunRecorder;
  /** By place in their topic: what they are called. */
  readonly #letters = new Map<bigint, string>();
  readonly #sent = new Map<string, number>();
  /** Names begin so of those that somebody has begun to discard. */
  readonly #discarding = new Set<string>();

  constructor(recorder: RunRecorder) {
    this.#recorder = recorder;
  }

  get count(): number {
    return this.#letters.size;
  }

  /** A letter is in the topic; of several records of one, the last counts. */
  onDead(offset: bigint, name: string): void {
    this.#letters.set(offset, name);
  }

  onSent(name: string): void {
    this.#sent.set(name, this.timesSent(name) + 1);
    this.#recorder.count('letters sent');
  }

  onDiscard(prefix: string): void {
    this.#discarding.add(prefix);
  }

  timesSent(name: string): number {
    return this.#sent.get(name) ?? 0;
  }

  /** Compares with what is said to be pending. */
  check(pending: readonly DeadLetter[]): void {
    const places = new Set(pending.map(({ record }) => record.offset));
    for (const [offset, name] of this.#letters) {
      if (places.has(offset)) continue;
      const isDone = this.#sent.has(name) || [...this.#discarding].some((prefix) => name.startsWith(prefix));
      this.#recorder.expect(isDone, 'No letter lost', () => `letter ${name} at ${offset} vanished`);
    }
  }
}
