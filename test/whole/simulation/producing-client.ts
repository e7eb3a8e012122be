/** A process with a producer, which sends records of some topics and tells what became of each. */
import type { Millrace } from '../../../lib/client/millrace.ts';
import type { Producer } from '../../../lib/client/producer.ts';
import { MillraceError } from '../../../lib/errors.ts';
import type { Dice, Process, VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import { type History, type Named, uniqueValue, wallMs } from './history.ts';

/** Told of records that are not in the log and hold nothing back: they never were under way, or stood at an offset that was not the end. */
const UNSENT = new Set([
  'OFFSET_MISMATCH',
  'BUFFER_EXHAUSTED',
  'CLOSED',
  'TOPIC_BUSY',
  'REQUEST_TIMED_OUT',
  'THROTTLED',
  'STORE_UNAVAILABLE',
]);
/** Told of records that are not in the log, whatever happens. */
const REFUSED = new Set(['NOT_COMMITTED']);

/** See the top of this file. */
export class ProducingClient {
  readonly process: Process;
  readonly producer: Producer;
  readonly #millrace: Millrace;
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #history: History;
  /** Where it may send. */
  readonly #targets: () => readonly Named[];
  /** How much of what it does is at an expected offset. */
  readonly #strictShare: number;
  readonly #acks: 'all' | 0;
  #sent = 0;

  constructor(parts: {
    process: Process;
    millrace: Millrace;
    time: VirtualTime;
    dice: Dice;
    history: History;
    targets: () => readonly Named[];
    deliveryTimeoutMs: number;
  }) {
    this.process = parts.process;
    this.#millrace = parts.millrace;
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#history = parts.history;
    this.#targets = parts.targets;
    const { dice } = parts;
    this.#strictShare = dice.pick([0, 0.1, 0.5]);
    this.#acks = dice.chance(0.15) ? 0 : 'all';
    this.producer = parts.millrace.producer({
      acks: this.#acks,
      deliveryTimeoutMs: parts.deliveryTimeoutMs,
      lingerMs: dice.pick([0, 0, 20]),
      batchBytes: dice.pick([300, 2_000, 128 * 1024]),
      segmentBytes: dice.pick([1_024, 100_000]),
      maxPutsInFlight: dice.between(1, 4),
      bufferMemoryBytes: dice.pick([16 * 1024, 1024 * 1024]),
      maxBlockMs: dice.pick([200, 5_000]),
      compression: dice.pick(['none', 'none', 'gzip', 'lz4']),
    });
  }

  /** Sends now and then for as long as all are busy. */
  start(busy: BusyTime, pauseMs: number): void {
    const dice = this.#dice;
    const next = () => {
      if (!this.process.alive || busy.isOver) return;
      const target = dice.pick(this.#targets());
      if (dice.chance(this.#strictShare)) void this.#sendExpecting(target);
      else for (let count = dice.chance(0.3) ? dice.between(2, 10) : 1; count > 0; count--) void this.#send(target);
      this.#time.schedule(dice.chance(0.03) ? 6_000 : dice.magnitude(1, pauseMs), () => this.process.whenRunning(next));
    };
    this.#time.schedule(dice.between(0, 100), next);
  }

  /** One record to each; resolves when all are told of. */
  async sendEverywhere(): Promise<void> {
    await Promise.all(this.#targets().map((target) => this.#send(target)));
  }

  async close(): Promise<void> {
    await this.producer.close();
    await this.#millrace.close();
  }

  /** Where it believes the end to be, and a few more behind that. */
  async #sendExpecting(target: Named): Promise<void> {
    let expected: bigint;
    try {
      expected = await this.#millrace.offsetAt(target, 'end');
    } catch {
      return;
    }
    if (this.#dice.chance(0.2)) expected += 1n;
    for (let count = this.#dice.between(1, 3); count > 0; count--) void this.#send(target, expected++);
  }

  async #send({ topic, partition }: Named, expectedOffset?: bigint): Promise<void> {
    const { value, bytes } = uniqueValue(this.process.name, this.#sent++, this.#dice);
    const about = { client: this.process.name, topic, partition, value };
    const expected = expectedOffset === undefined ? {} : { expectedOffset };
    this.#history.tell({
      kind: 'sent',
      ...about,
      ...(expectedOffset === undefined ? {} : { expectedOffset: Number(expectedOffset) }),
    });
    const timestampMs = BigInt(wallMs(this.#time) + this.#dice.between(-5_000, 5_000));
    try {
      const { offset } = await this.producer.send({ topic, partition, value: bytes, timestampMs, ...expected });
      // Nobody tells whether it was given up later.
      if (this.#acks === 0) this.#history.tell({ kind: 'gone', ...about });
      else this.#history.tell({ kind: 'acked', ...about, offset: Number(offset) });
    } catch (error) {
      this.#history.tell({ kind: this.#told(error), ...about });
    }
  }

  #told(error: unknown): 'refused' | 'unsent' | 'unknown' | 'gone' {
    const code = error instanceof MillraceError ? error.code : 'DEFECT';
    // What is under way behind a record that had to stand elsewhere fails with it, and holds nothing back either.
    if (REFUSED.has(code)) return this.#strictShare > 0 ? 'unsent' : 'refused';
    if (UNSENT.has(code)) return 'unsent';
    if (code === 'COMMIT_UNKNOWN') return 'unknown';
    if (code === 'UNKNOWN_TOPIC_OR_PARTITION') return 'gone';
    throw error;
  }
}
