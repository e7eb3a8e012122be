/** Workers of one subscription, step by step, over a store in memory: what they ask it, what they book, and what they tell. */
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { EventSourceDeps, EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { FunctionSubscription } from '../../lib/event-source/function-subscription.ts';
import { PartitionWork, type WorkLimits } from '../../lib/event-source/partition-work.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { countedStore } from './counted-store.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

/** What is different of a worker. */
export interface WorkChanges extends Partial<WorkLimits> {
  readonly store?: EventSourceDeps['store'];
  readonly sink?: EventSourceDeps['sink'];
  readonly partition?: number;
  readonly readAtMs?: number;
}

/** All records of a batch are handled. */
export const HANDLED = { kind: 'answered', failed: new Map() } as const;

/** See the top of this file. */
export class WorkStage {
  readonly bench: EventSourceBench = openBench();
  readonly news: EventSourceNews[] = [];
  /** Times of wake-ups. */
  readonly booked: number[] = [];
  /** Requests of the worker that was made last with a store that is told. */
  calls: readonly string[] = [];
  subscription!: FunctionSubscription;
  /** So much more than the clocks say. */
  passedMs = 0;

  /** Opens it; to be closed. */
  static async open(options: Partial<SubscriptionOptions>, partitionCount = 1): Promise<WorkStage> {
    const stage = new WorkStage();
    await stage.bench.millrace.topics.createTopic({ name: 'orders', partitionCount });
    const request = { name: 'billing', topic: 'orders', target: 'bill', options };
    stage.subscription = await stage.bench.subscriptions.create(request);
    return stage;
  }

  close(): Promise<void> {
    return this.bench.close();
  }

  nowMs(): number {
    return clock.nowMs() + this.passedMs;
  }

  async send(count: number, partition = 0): Promise<void> {
    const producer = this.bench.millrace.producer();
    for (let n = 0; n < count; n++) await producer.send({ topic: 'orders', partition, value: `${n}` });
    await producer.close();
  }

  at(partition = 0) {
    return { topicId: this.subscription.topicId, partition };
  }

  async leaseOf(partition = 0) {
    const place = { group: this.subscription.group, partition: this.at(partition) };
    return (await this.bench.store.leases.readMany([place]))[0]!;
  }

  /** How often the bell of a partition was rung: a stamp that is different each time. */
  async stampOf(partition = 0): Promise<string | undefined> {
    return (await this.bench.store.bells.list()).find((one) => one.partition.partition === partition)?.stamp;
  }

  /** A worker, woken by what is there. */
  async work(changes: WorkChanges = {}): Promise<PartitionWork> {
    const { store = this.bench.store, partition = 0, readAtMs = this.nowMs(), sink, ...limits } = changes;
    const head = await this.bench.store.heads.read(this.at(partition), { consistent: true });
    const { generation } = await this.leaseOf(partition);
    const monotonicMs = () => clock.monotonicMs() + this.passedMs;
    const deps: EventSourceDeps = {
      store,
      fetcher: new Fetcher({ store, clock, random }),
      clock: { ...clock, nowMs: () => this.nowMs(), monotonicMs },
      random,
      wakeUps: { book: async ({ atMs }) => void this.booked.push(atMs) },
      sink: sink ?? { send: async () => {} },
      onNews: (one) => void this.news.push(one),
    };
    const { subscription } = this;
    return new PartitionWork(
      deps,
      { subscription, readAtMs, partition, seen: generation, head },
      { deadlineMs: monotonicMs() + 60_000, leaseMs: 60_000, sizeOf: () => 1, maxBytes: 1_000, ...limits },
    );
  }

  /** The store, whose requests are told: by port and method. */
  toldStore(): EventSourceDeps['store'] {
    const { store, requests } = countedStore(this.bench.store);
    this.calls = requests;
    return store;
  }
}
