/** Sends whose topic is being read; they go on in the order in which they came. */
import type { PendingSend } from './pending-send.ts';
import { type ReadTopicDeps, readTopic } from './read-topic.ts';
import type { TopicRoute } from './topic-directory.ts';

/** Who lets sends go on. */
export interface UnreadTopicsListener {
  admit(send: PendingSend, route: TopicRoute): void;
  refuse(send: PendingSend, error: unknown): void;
}

/** See the top of this file. */
export class UnreadTopics {
  readonly #deps: ReadTopicDeps;
  readonly #maxBlockMs: number;
  readonly #listener: UnreadTopicsListener;
  /** By topic name. */
  readonly #lines = new Map<string, PendingSend[]>();
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
    line?.push(send);
    return line !== undefined;
  }

  /** Reads the topic of a send, the first that waits for it. */
  read(send: PendingSend): void {
    const { topic } = send.record;
    const line = [send];
    this.#lines.set(topic, line);
    const reading = readTopic(this.#deps, topic, send.when.monotonicMs + this.#maxBlockMs).then(
      (route) => {
        this.#lines.delete(topic);
        for (const waiting of line) this.#listener.admit(waiting, route);
      },
      (error) => {
        this.#lines.delete(topic);
        for (const waiting of line) this.#listener.refuse(waiting, error);
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
