/** A consumer in a process of its own, whose loop handles records slowly, quickly, or not at all for a while. */
import type { Consumer } from '../../../lib/client/consumer.ts';
import { Millrace } from '../../../lib/client/millrace.ts';
import type { TopicPartition } from '../../../lib/client/record-stream.ts';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import type { Dice } from '../../log/simulation/virtual-time.ts';
import type { GroupOracle, Witness } from './group-oracle.ts';
import type { MemberProcess } from './member-process.ts';

export const GROUP = 'group';
export const TOPIC = 'topic';
export const SESSION_MS = 10_000;

/** How a member goes about it. */
export interface MemberHabits {
  readonly instanceId: string | undefined;
  readonly autoCommit: boolean;
  /** Commits after a record, of those who do not commit by themselves. */
  readonly commitProbability: number;
  /** Longest handling of a record. */
  readonly handleMs: number;
}

/** See the top of this file. */
export class MemberActor implements Witness {
  readonly name: string;
  readonly process: MemberProcess;
  readonly consumer: Consumer;
  readonly instanceId: string | undefined;
  readonly holds = new Set<number>();
  readonly #oracle: GroupOracle;
  readonly #dice: Dice;
  readonly #habits: MemberHabits;
  /** Of each partition, what is due next. */
  readonly #due = new Map<number, bigint>();
  isClosed = false;
  ended: unknown = null;

  constructor(parts: {
    process: MemberProcess;
    connect: (witness: Witness) => DelayStore;
    dice: Dice;
    oracle: GroupOracle;
    habits: MemberHabits;
  }) {
    this.process = parts.process;
    this.name = parts.process.name;
    this.#oracle = parts.oracle;
    this.#dice = parts.dice;
    this.#habits = parts.habits;
    this.instanceId = parts.habits.instanceId;
    parts.oracle.witnesses.push(this);
    const { habits, process, dice } = parts;
    const millrace = new Millrace({ store: parts.connect(this), clock: process, random: dice });
    this.consumer = millrace.consumer({
      group: GROUP,
      clientId: this.name,
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: 1_000,
      maxPollIntervalMs: 30_000,
      metadataMaxAgeMs: 5_000,
      assignors: [dice.pick(['cooperative-sticky', 'range'] as const), 'roundrobin'],
      autoCommit: habits.autoCommit,
      autoCommitIntervalMs: 1_500,
      idleMinMs: 50,
      idleMaxMs: 1_000,
      ...(habits.instanceId !== undefined && { groupInstanceId: habits.instanceId }),
      onPartitionsAssigned: (partitions) => this.#assigned(partitions),
      onPartitionsRevoked: (partitions) => this.#revoked(partitions),
      onPartitionsLost: (partitions) => this.#gone('lost', partitions),
    });
  }

  get isAlive(): boolean {
    return this.process.alive && !this.isClosed;
  }

  get memberId(): string | null {
    return this.consumer.memberId;
  }

  /** Joins, and loops until it is closed, crashes, or another takes its instance id. */
  async run(): Promise<void> {
    for (let isIn = false; !isIn && !this.isClosed; ) {
      isIn = await this.consumer.subscribe([TOPIC]).then(
        () => true,
        () => this.process.sleep(500).then(() => false),
      );
    }
    try {
      for await (const { partition, offset } of this.consumer) await this.#handle(partition, offset);
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: Error };
      this.#oracle.note(`${this.name} ends with ${String(error)} ${cause?.stack ?? ''}`);
      this.#oracle.expect(
        code === 'FENCED_INSTANCE_ID',
        'Progress',
        () => `${this.name} ends with ${String(error)} ${cause?.stack ?? ''}`,
      );
      this.ended = error;
    }
  }

  async close(): Promise<void> {
    this.consumer.stop();
    await this.consumer.close();
    this.isClosed = true;
    this.holds.clear();
  }

  async #handle(partition: number, offset: bigint): Promise<void> {
    this.#oracle.note(`${this.name} gets ${partition}/${offset}`);
    this.#oracle.onDelivered(this, partition, offset, this.#due.get(partition) ?? offset);
    this.#due.set(partition, offset + 1n);
    await this.process.sleep(this.#dice.magnitude(1, this.#habits.handleMs));
    if (!this.process.alive) return;
    this.#oracle.note(`${this.name} has done ${partition}/${offset}`);
    this.#oracle.onFinished(partition, offset);
    if (this.#habits.autoCommit || !this.#dice.chance(this.#habits.commitProbability)) return;
    const at = [{ topic: TOPIC, partition, offset: offset + 1n }];
    if (this.#dice.chance(0.3)) {
      try {
        this.consumer.commitAsync(at);
      } catch {
        this.#oracle.count('commits refused');
      }
    } else await this.consumer.commit(at).catch(() => this.#oracle.count('commits refused'));
  }

  #assigned(partitions: readonly TopicPartition[]): void {
    this.#oracle.note(`${this.name} is assigned ${partitions.map(({ partition }) => partition).join()}`);
    for (const at of partitions) {
      this.holds.add(at.partition);
      this.#due.set(at.partition, this.consumer.position(at));
    }
  }

  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    if (!this.#habits.autoCommit && this.#dice.chance(0.5)) {
      await this.consumer.commit().catch(() => this.#oracle.count('commits refused'));
    }
    this.#gone('revoked', partitions);
  }

  #gone(how: string, partitions: readonly TopicPartition[]): void {
    this.#oracle.note(`${this.name} ${how} ${partitions.map(({ partition }) => partition).join()}`);
    this.#oracle.count(how);
    for (const { partition } of partitions) this.holds.delete(partition);
  }
}
