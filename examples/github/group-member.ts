/**
 * A member of a group whose results are stored with its offsets: a commit carries what was made of everything below it. So a partition that moves to another member, or a run that was ended
 * at any moment, goes on from a result that fits its offset, and nothing is counted twice.
 */
import type { Consumer, Millrace, ReceivedRecord, TopicPartition } from '../../lib/index.ts';

/** How records become a result, for one partition. */
export interface Fold<S> {
  add(state: S, record: ReceivedRecord): void;
  toText(state: S): string;
  /** '' makes the state before the first record. */
  fromText(text: string): S;
}

export interface MemberOptions<S> {
  readonly group: string;
  readonly topic: string;
  /** Shown to people. */
  readonly name: string;
  readonly fold: Fold<S>;
  /** Told of partitions that come and go. */
  readonly onChange: (what: string) => void;
}

/** A member that was killed is missed after five seconds. Kafka's and our default of 45 s is kinder to busy programs. */
const SESSION = { sessionTimeoutMs: 5_000, heartbeatIntervalMs: 200 };

/** A commit is a write unit for each partition; what is not committed when a process is killed is done again, from the result that fits. */
const COMMIT_EVERY_MS = 200;

const numbers = (partitions: readonly TopicPartition[]) =>
  partitions
    .map(({ partition }) => partition)
    .sort((left, right) => left - right)
    .join(' ');

/** See the top of this file. */
export class GroupMember<S> {
  readonly name: string;
  readonly #options: MemberOptions<S>;
  readonly #consumer: Consumer;
  /** By partition. */
  readonly #states = new Map<number, S>();
  /** By partition: how far the state is that was not committed yet. */
  readonly #uncommitted = new Map<number, bigint>();
  #committing: NodeJS.Timeout | null = null;
  #ended: Promise<void> = Promise.resolve();
  /** Records handled. */
  handled = 0;

  constructor(millrace: Millrace, options: MemberOptions<S>) {
    this.name = options.name;
    this.#options = options;
    const { group, name, onChange } = options;
    this.#consumer = millrace.consumer({
      ...SESSION,
      group,
      clientId: name,
      assignors: ['cooperative-sticky'],
      idleMaxMs: 200,
      onPartitionsAssigned: (partitions) => this.#assigned(partitions),
      onPartitionsRevoked: async (partitions) => {
        await this.#commit(partitions.map(({ partition }) => partition));
        this.#forget(partitions);
        onChange(`${name} lets go of ${numbers(partitions)}`);
      },
      onPartitionsLost: (partitions) => {
        this.#forget(partitions);
        onChange(`${name} has lost ${numbers(partitions)}`);
      },
    });
  }

  /** Joins the group and works until `leave`; a failure is told to who calls that. */
  async join(): Promise<void> {
    await this.#consumer.subscribe([this.#options.topic]);
    this.#ended = this.#loop();
    this.#ended.catch(() => {});
  }

  /** Finishes what is in hand, commits, and leaves. */
  async leave(): Promise<void> {
    this.#consumer.stop();
    try {
      await this.#ended;
      await this.#consumer.commit(this.#due());
    } finally {
      clearTimeout(this.#committing ?? undefined);
      await this.#consumer.close();
    }
  }

  /** Rejects when the member has failed; otherwise never settles before it leaves. */
  failed(): Promise<void> {
    return this.#ended;
  }

  /** Partitions that it has now. */
  get partitions(): readonly number[] {
    return this.#consumer.assignment.map(({ partition }) => partition).sort((left, right) => left - right);
  }

  async #loop(): Promise<void> {
    const { fold } = this.#options;
    for await (const { partition, records } of this.#consumer.batches()) {
      const state = this.#states.get(partition)!;
      for (const record of records) fold.add(state, record);
      this.handled += records.length;
      this.#uncommitted.set(partition, records.at(-1)!.offset + 1n);
      this.#committing ??= setTimeout(() => {
        this.#committing = null;
        this.#consumer.commitAsync(this.#due());
      }, COMMIT_EVERY_MS);
    }
  }

  /** What has not been committed yet, and counts as committed from now on. */
  #due() {
    const due = [...this.#uncommitted].map(([partition, offset]) => this.#progress(partition, offset));
    this.#uncommitted.clear();
    return due;
  }

  #progress(partition: number, offset: bigint) {
    const { topic, fold } = this.#options;
    return { topic, partition, offset, metadata: fold.toText(this.#states.get(partition)!) };
  }

  async #commit(partitions: readonly number[]): Promise<void> {
    const { topic } = this.#options;
    const all = partitions.map((partition) => this.#progress(partition, this.#consumer.position({ topic, partition })));
    await this.#consumer.commit(all);
  }

  async #assigned(partitions: readonly TopicPartition[]): Promise<void> {
    const { fold, name, onChange } = this.#options;
    const committed = await this.#consumer.committed(partitions);
    for (const [index, { partition }] of partitions.entries()) {
      this.#states.set(partition, fold.fromText(committed[index]?.metadata ?? ''));
    }
    onChange(`${name} gets ${numbers(partitions)}`);
  }

  #forget(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) {
      this.#states.delete(partition);
      this.#uncommitted.delete(partition);
    }
  }
}
