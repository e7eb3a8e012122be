/** A process with a member of the group, which tells what it is given and what it has committed. */
import type { Consumer } from '../../../lib/client/consumer.ts';
import type { Millrace } from '../../../lib/client/millrace.ts';
import type { ReceivedRecord } from '../../../lib/client/received-record.ts';
import { MillraceError } from '../../../lib/errors.ts';
import type { AssignorName } from '../../../lib/group/assignor.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { Dice } from '../../log/simulation/virtual-time.ts';
import type { History, MemberEvent, Named } from './history.ts';

export const GROUP = 'group';
export const SESSION_MS = 10_000;

/** What a loop may end with, and be begun again: answers that were damaged on their way, a store that was silent for long, a topic that was deleted meanwhile. */
const PASSING = new Set([
  'CORRUPT_MESSAGE',
  'CORRUPT_OBJECT',
  'REQUEST_TIMED_OUT',
  'THROTTLED',
  'STORE_UNAVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
]);

/** See the top of this file. */
export class ConsumingClient {
  readonly process: MemberProcess;
  /** What it reads follows one upon the other from one assignment to the next. */
  #line = 0;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  readonly #consumer: Consumer;
  readonly #millrace: Millrace;
  readonly #dice: Dice;
  readonly #history: History;
  readonly #commitShare: number;
  readonly #handleMs: number;
  readonly #autoCommit: boolean;
  isClosed = false;
  /** What ended its loop for good. */
  failure: unknown = null;

  constructor(parts: {
    process: MemberProcess;
    millrace: Millrace;
    dice: Dice;
    history: History;
    assignors: readonly AssignorName[];
  }) {
    const { dice } = parts;
    this.process = parts.process;
    this.#millrace = parts.millrace;
    this.#dice = dice;
    this.#history = parts.history;
    this.#commitShare = dice.pick([0.1, 0.5, 1]);
    this.#handleMs = dice.pick([2, 40]);
    this.#autoCommit = dice.chance(0.3);
    this.#consumer = parts.millrace.consumer({
      group: GROUP,
      clientId: this.process.name,
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: 1_000,
      assignors: parts.assignors,
      metadataMaxAgeMs: 2_000,
      outOfRange: 'earliest',
      autoCommit: this.#autoCommit,
      autoCommitIntervalMs: 500,
      readAheadBytes: dice.pick([1_000, 100_000]),
      onPartitionsAssigned: (partitions) => this.#tell('assigned', partitions),
      onPartitionsLost: (partitions) => this.#tell('lost', partitions),
      onPartitionsRevoked: async (partitions) => {
        if (!this.#autoCommit && this.#dice.chance(0.5)) await this.#commitAll(partitions);
        this.#tell('revoked', partitions);
      },
    });
  }

  get isOpen(): boolean {
    return this.process.alive && !this.isClosed;
  }

  /** Joins, and loops until it is closed or crashes. */
  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (let isIn = false; !isIn && this.isOpen && !this.#isStopped; ) {
      isIn = await this.#consumer.subscribe(/^topic-/).then(
        () => true,
        () => this.process.sleep(500).then(() => false),
      );
    }
    while (this.isOpen && !this.#isStopped && this.failure === null) {
      try {
        for await (const record of this.#consumer) await this.#handle(record);
        return;
      } catch (error) {
        const isPassing = error instanceof MillraceError && PASSING.has(error.code);
        if (!isPassing) this.failure = error;
        await this.process.sleep(100);
      }
    }
  }

  async close(): Promise<void> {
    this.#isStopped = true;
    this.#consumer.stop();
    await this.#running;
    await this.#consumer.close();
    await this.#millrace.close();
    this.isClosed = true;
    this.#history.tellOfMember({ member: this.process.name, kind: 'left' });
  }

  async #handle(record: ReceivedRecord): Promise<void> {
    const { topic, partition, offset } = record;
    const value = Buffer.from(record.value!).toString().trimEnd();
    const member = this.process.name;
    this.#history.tellOfMember({ member, kind: 'given', at: { topic, partition }, offset: Number(offset), value });
    const about = { client: `${member}#${this.#line}`, topic, partition, value };
    this.#history.tell({ kind: 'read', ...about, offset: Number(offset), highWatermark: null });
    await this.process.sleep(this.#dice.magnitude(1, this.#handleMs));
    if (this.#autoCommit || !this.#dice.chance(this.#commitShare)) return;
    if (await this.#isCommitted(() => this.#consumer.commit(record))) {
      this.#history.tellOfMember({ member, kind: 'committed', at: { topic, partition }, offset: Number(offset) + 1 });
    }
  }

  #tell(kind: MemberEvent['kind'], partitions: readonly Named[]): void {
    if (kind === 'assigned') this.#line += 1;
    for (const { topic, partition } of partitions)
      this.#history.tellOfMember({ member: this.process.name, kind, at: { topic, partition } });
  }

  async #commitAll(partitions: readonly Named[]): Promise<void> {
    const offsets = partitions.map((one) => ({ ...one, offset: this.#consumer.position(one) }));
    if (!(await this.#isCommitted(() => this.#consumer.commit(offsets)))) return;
    const member = this.process.name;
    for (const { topic, partition, offset } of offsets)
      this.#history.tellOfMember({ member, kind: 'committed', at: { topic, partition }, offset: Number(offset) });
  }

  async #isCommitted(commit: () => Promise<void>): Promise<boolean> {
    try {
      await commit();
      return true;
    } catch (error) {
      if (error instanceof MillraceError) return false;
      throw error;
    }
  }
}
