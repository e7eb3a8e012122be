import type { PartitionKey } from '../log/partition-key.ts';
import type { EventSourceDeps, EventSourceNews, NewsBody } from './event-source-deps.ts';
import type { WakeRequest } from './wake-request.ts';

/** Where a worker works: the partition and the group, the time there, and whom it tells. What all its parts share. */
export class WorkPlace {
  readonly deps: EventSourceDeps;
  readonly group: string;
  readonly partition: PartitionKey;
  readonly #atMs: number;

  constructor(deps: EventSourceDeps, { subscription, partition, atMs = 0 }: WakeRequest) {
    this.deps = deps;
    this.group = subscription.group;
    this.partition = { topicId: subscription.topicId, partition };
    this.#atMs = atMs;
  }

  /** As bells, wake-ups and news name it. */
  get key() {
    const { group, partition } = this;
    return { group, partition };
  }

  /** A clock that is behind would wait once more for what has come. */
  nowMs(): number {
    return Math.max(Math.floor(this.deps.clock.nowMs()), this.#atMs);
  }

  tell(news: NewsBody): void {
    this.deps.onNews({ ...this.key, ...news } as EventSourceNews);
  }

  /** Has somebody come at `atMs`, or later. */
  book(atMs: number): Promise<void> {
    return this.deps.wakeUps.book({ ...this.key, atMs });
  }
}
