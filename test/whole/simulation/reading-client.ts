/** A process with a reader of every partition, which tells what it is given. */
import type { Millrace } from '../../../lib/client/millrace.ts';
import { MillraceError } from '../../../lib/errors.ts';
import type { Dice, Process } from '../../log/simulation/virtual-time.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import type { History } from './history.ts';

/** What a loop may end with, and be begun again. */
const PASSING = new Set([
  'CORRUPT_MESSAGE',
  'CORRUPT_OBJECT',
  'REQUEST_TIMED_OUT',
  'THROTTLED',
  'STORE_UNAVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_BUSY',
]);

/** See the top of this file. */
export class ReadingClient {
  readonly process: Process;
  readonly #millrace: Millrace;
  readonly #dice: Dice;
  readonly #history: History;
  readonly #topics: readonly string[];
  #line = 0;
  /** What it ended with for good. */
  failure: unknown = null;

  constructor(parts: {
    process: Process;
    millrace: Millrace;
    dice: Dice;
    history: History;
    topics: readonly string[];
  }) {
    this.process = parts.process;
    this.#millrace = parts.millrace;
    this.#dice = parts.dice;
    this.#history = parts.history;
    this.#topics = parts.topics;
  }

  /** Reads from the beginning to the end, again and again, for as long as all are busy; some of it is behind the end by the time it comes there. */
  async run(busy: BusyTime): Promise<void> {
    while (this.process.alive && !busy.isOver && this.failure === null) {
      await this.readOnce(`${this.process.name}#${this.#line++}`);
      await this.process.sleep(this.#dice.magnitude(10, 3_000));
    }
    await this.#millrace.close();
  }

  /** From the beginning of every partition to the ends that they have now; false when something came between. */
  async readOnce(client: string): Promise<boolean> {
    const reader = this.#millrace.reader({
      stopAtEnd: true,
      outOfRange: 'earliest',
      retryMs: 5_000,
      fetchBytes: this.#dice.pick([1, 1_000, 1_000_000]),
    });
    try {
      await reader.assign(this.#topics.map((topic) => ({ topic })));
      for await (const { topic, partition, offset, value } of reader) {
        const highWatermark = reader.highWatermark({ topic, partition });
        this.#history.tell({
          kind: 'read',
          client,
          topic,
          partition,
          offset: Number(offset),
          value: Buffer.from(value!).toString().trimEnd(),
          highWatermark: highWatermark === null ? null : Number(highWatermark),
        });
      }
      return true;
    } catch (error) {
      const isPassing = error instanceof MillraceError && PASSING.has(error.code);
      if (!isPassing) this.failure = error;
      return false;
    } finally {
      await reader.close();
    }
  }
}
