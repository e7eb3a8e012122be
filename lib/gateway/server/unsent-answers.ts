/**
 * The answers of a connection that its client has yet to take: their memory is counted until then, and they are not waited for without an end.
 *
 * Always true: memory is given back, to be used again, only when the kernel has all of an answer, or when the socket is closed and nobody reads it any more.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { Answer } from './dispatcher.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** What they need of their connection. */
export interface UnsentAnswersOptions {
  readonly socket: Socket;
  readonly memory: MemoryBudget;
  readonly clock: Clock;
  /** How long an answer may take to be sent. */
  readonly answerMs: number;
  /** The client does not take what it has asked for. */
  readonly onStuck: (error: MillraceError) => void;
}

interface Unsent {
  readonly bytes: number;
  readonly sinceMs: number;
  readonly giveBack: () => void;
}

/** See the module comment. */
export class UnsentAnswers {
  readonly #options: UnsentAnswersOptions;
  /** In the order in which they are sent. */
  readonly #unsent = new Set<Unsent>();
  readonly #ended = new AbortController();
  #isWatched = false;

  constructor(options: UnsentAnswersOptions) {
    this.#options = options;
  }

  /** Sends the pieces of an answer, if there are any. */
  send({ pieces, memory: lent }: Answer): void {
    if (pieces.length === 0) {
      lent.giveBack();
      return;
    }
    const { socket, memory, clock } = this.#options;
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    // Of memory that is lent, pieces may be the smaller part.
    const uncount = memory.count(Math.max(bytes, lent.byteCount));
    const giveBack = () => {
      lent.giveBack();
      uncount();
    };
    const answer: Unsent = { bytes, sinceMs: clock.monotonicMs(), giveBack };
    this.#unsent.add(answer);
    for (const piece of pieces.slice(0, -1)) socket.write(piece);
    // One that fails may still be on its way: the socket closes behind it.
    socket.write(pieces.at(-1)!, (error) => {
      if (!error) this.#sent(answer);
    });
  }

  /** To be called when what was sent should be on its way: what is not is watched. */
  watch(): void {
    if (this.#isWatched || this.#options.socket.writableLength === 0) return;
    this.#isWatched = true;
    void this.#watch();
  }

  /** The socket is closed: nobody takes them any more. */
  end(): void {
    this.#ended.abort();
    for (const answer of [...this.#unsent]) this.#sent(answer);
  }

  #sent(answer: Unsent): void {
    if (this.#unsent.delete(answer)) answer.giveBack();
  }

  async #watch(): Promise<void> {
    const { clock, answerMs, onStuck } = this.#options;
    for (const [oldest] of [...this.#unsent.entries()]) {
      await clock.sleep(Math.max(0, oldest.sinceMs + answerMs - clock.monotonicMs()), this.#ended.signal);
      if (this.#ended.signal.aborted) return;
      if (this.#unsent.has(oldest)) return onStuck(notTaken(oldest.bytes, answerMs));
    }
    this.#isWatched = false;
    this.watch();
  }
}

function notTaken(bytes: number, answerMs: number): MillraceError {
  return new MillraceError('REQUEST_TIMED_OUT', `an answer of ${bytes} bytes was not taken within ${answerMs} ms`, {
    value: bytes,
    hint: 'Ask for less at once over slow lines: fetch.max.bytes.',
  });
}
