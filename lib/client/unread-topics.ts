/**
 * Sends whose topic is being read; they go on in the order in which they came. A topic is also read again when what is known of it is old, so batches of it may be under way: what waits
 * here was sent behind them, and is given up with them.
 */
import type { MillraceError } from '../errors.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { TopicRoute } from '../log/topic-directory.ts';
import type { PendingSend } from './pending-send.ts';
import { type ReadTopicDeps, readTopic } from './read-topic.ts';

/** Who lets sends go on. */
export interface UnreadTopicsListener {
  /** @param givenUp What was given up behind which the send came, by partition. */
  admit(send: PendingSend, route: TopicRoute, givenUp: GivenUp): void;
  refuse(send: PendingSend, error: unknown): void;
}

/** Why a record of a partition was given up that was sent before; null when none was. */
export type GivenUp = (partition: PartitionKey) => MillraceError | null;

interface Line {
  readonly sends: PendingSend[];
  readonly failures: { readonly partition: PartitionKey; readonly error: MillraceError; sentBefore: number }[];
}

/** See the top of this file. */
export class UnreadTopics {
  readonly #deps: ReadTopicDeps;
  readonly #maxBlockMs: number;
  readonly #listener: UnreadTopicsListener;
  /** By topic name. */
  readonly #lines = new Map<string, Line>();
  readonly #reading = new Set<Promise<void>>();

  /** @param maxBlockMs How long a send may wait. */
  constructor(deps: ReadTopicDeps, maxBlockMs: number, listener: UnreadTopicsListener) {
    this.#deps = deps;
    this.#maxBlockMs = maxBlockMs;
    this.#listener = listener;
  }

  /** Whether any topic is being read. */
  get isBusy(): boolean {
    return this.#reading.size > 0;
  }

  /** Puts a send behind those who wait for the same topic; false when nobody does. */
  join(send: PendingSend): boolean {
    if (this.#lines.size === 0) return false;
    const line = this.#lines.get(send.record.topic);
    line?.sends.push(send);
    return line !== undefined;
  }

  /** Senders were told that a record is given up: what waits now for the same partition was sent behind it. */
  told(topic: string, partition: PartitionKey, error: MillraceError): void {
    const line = this.#lines.get(topic);
    line?.failures.push({ partition, error, sentBefore: line.sends.length });
  }

  /** Reads the topic of a send, the first that waits for it. */
  read(send: PendingSend): void {
    const { topic } = send.record;
    const line: Line = { sends: [send], failures: [] };
    this.#lines.set(topic, line);
    const reading = readTopic(this.#deps, topic, send.when.monotonicMs + this.#maxBlockMs).then(
      (route) => {
        this.#lines.delete(topic);
        for (const [index, waiting] of line.sends.entries()) {
          this.#listener.admit(waiting, route, (partition) => givenUpBefore(line, index, partition));
        }
      },
      (error) => {
        this.#lines.delete(topic);
        for (const waiting of line.sends) this.#listener.refuse(waiting, error);
      },
    );
    this.#reading.add(reading);
    void reading.finally(() => this.#reading.delete(reading));
  }

  /** Resolves when all that wait now have gone on. */
  async idle(): Promise<void> {
    await Promise.all(this.#reading);
  }
}

function givenUpBefore({ failures }: Line, index: number, { topicId, partition }: PartitionKey): MillraceError | null {
  const failure = failures.find(
    (one) => index < one.sentBefore && one.partition.topicId === topicId && one.partition.partition === partition,
  );
  // All that waits here was sent before the sender of this one is told.
  if (failure !== undefined) failure.sentBefore = Number.POSITIVE_INFINITY;
  return failure?.error ?? null;
}
