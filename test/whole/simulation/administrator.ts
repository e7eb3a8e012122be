/** A process that adds partitions, deletes topics and makes them again, and trims; whatever fails or dies half-way is done again by the next. */
import type { Millrace } from '../../../lib/client/millrace.ts';
import { MillraceError } from '../../../lib/errors.ts';
import type { Dice, Process } from '../../log/simulation/virtual-time.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import type { History, Named } from './history.ts';

/** What an administrator may be told when others work on the same, or the store was silent. */
const PASSING = new Set([
  'TOPIC_BUSY',
  'TOPIC_ALREADY_EXISTS',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'REQUEST_TIMED_OUT',
  'THROTTLED',
  'STORE_UNAVAILABLE',
  'INVALID_PARTITIONS',
  'OFFSET_OUT_OF_RANGE',
]);

/** See the top of this file. */
export class Administrator {
  readonly process: Process;
  readonly #millrace: Millrace;
  readonly #dice: Dice;
  readonly #history: History;
  readonly #targets: () => readonly Named[];
  readonly #duties: readonly Duty[];
  failure: unknown = null;

  constructor(parts: {
    process: Process;
    millrace: Millrace;
    dice: Dice;
    history: History;
    targets: () => readonly Named[];
    duties: readonly Duty[];
  }) {
    this.process = parts.process;
    this.#millrace = parts.millrace;
    this.#dice = parts.dice;
    this.#history = parts.history;
    this.#targets = parts.targets;
    this.#duties = parts.duties;
  }

  /** One duty after another for as long as all are busy. */
  async run(busy: BusyTime, pauseMs: number): Promise<void> {
    await this.process.sleep(this.#dice.magnitude(100, pauseMs));
    while (this.process.alive && !busy.isOver && this.failure === null) {
      await this.#attempt(this.#dice.pick(this.#duties));
      await this.process.sleep(this.#dice.magnitude(50, pauseMs));
    }
  }

  /** False when it was in vain. */
  async #attempt(duty: Duty): Promise<boolean> {
    try {
      if (duty.kind === 'trim') await this.#trim(this.#dice.pick(this.#targets()));
      else if (duty.kind === 'grow') await this.#grow(duty.topic);
      else await this.#remake(duty.topic, duty.partitionCount);
      return true;
    } catch (error) {
      const isPassing = error instanceof MillraceError && PASSING.has(error.code);
      if (!isPassing) this.failure = error;
      return false;
    }
  }

  async #trim({ topic, partition }: Named): Promise<void> {
    const end = await this.#millrace.offsetAt({ topic, partition }, 'end');
    const offset = BigInt(Math.floor(this.#dice.fraction() * (Number(end) + 1)));
    const about = { client: this.process.name, topic, partition };
    this.#history.tell({ kind: 'trim', ...about, offset: Number(offset) });
    const { logStartOffset } = await this.#millrace.topics.trimPartition(topic, partition, offset);
    this.#history.tell({ kind: 'trimmed', ...about, offset: Number(logStartOffset) });
  }

  async #grow(topic: string): Promise<void> {
    const { partitionCount } = await this.#millrace.topics.getTopic(topic);
    if (partitionCount < MOST_PARTITIONS) await this.#millrace.topics.addPartitions(topic, partitionCount + 1);
  }

  async #remake(topic: string, partitionCount: number): Promise<void> {
    await this.#millrace.topics.deleteTopic(topic);
    await this.process.sleep(this.#dice.magnitude(1, 2_000));
    for (let attempt = 0; attempt < 20; attempt++) if (await this.make(topic, partitionCount)) return;
  }

  /** Makes a topic that is not there, or is half made or half deleted; false when it may not be there yet. */
  async make(name: string, partitionCount: number): Promise<boolean> {
    try {
      await this.#millrace.topics.createTopic({ name, partitionCount });
      return true;
    } catch (error) {
      if (!(error instanceof MillraceError && PASSING.has(error.code))) throw error;
      return error.code === 'TOPIC_ALREADY_EXISTS';
    }
  }
}

const MOST_PARTITIONS = 5;

/** What it does. */
export type Duty =
  | { readonly kind: 'trim' }
  | { readonly kind: 'grow'; readonly topic: string }
  | { readonly kind: 'remake'; readonly topic: string; readonly partitionCount: number };
