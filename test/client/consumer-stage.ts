/** What tests of consumers stand on: a memory store, a clock that jumps, and loops that note what they are given. */
import type { Consumer } from '../../lib/client/consumer.ts';
import type { ConsumerOptions } from '../../lib/client/consumer-options.ts';
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { openStage, type Stage, type StageOptions, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

/** One loop of a consumer, and what it was given. */
export interface Loop {
  readonly consumer: Consumer;
  /** `partition/offset`, in the order in which they came. */
  readonly seen: string[];
  /** Events, in order: `assigned 0,1`, `revoked 1`, `lost 0 UNKNOWN_MEMBER_ID`. */
  readonly events: string[];
  /** Resolves when the loop is over, to what it threw. */
  readonly ended: Promise<unknown>;
}

/** How a loop goes about it. */
export interface LoopOptions extends Partial<ConsumerOptions> {
  /** Awaited for each record. */
  readonly handle?: (record: { readonly partition: number; readonly offset: bigint }, consumer: Consumer) => unknown;
  /** The store as this consumer sees it. */
  readonly store?: DelayStore;
  readonly topics?: readonly string[] | RegExp;
  /** Called when partitions have come. */
  readonly onAssigned?: (consumer: Consumer) => void;
}

/** A stage with a virtual clock. */
export interface ConsumerStage extends Stage {
  readonly clock: VirtualClock;
  /** Joins group `g` and loops. Sessions last 10 s, beats come every second. */
  join(name: string, options?: LoopOptions): Promise<Loop>;
  /** Sends values to a partition. */
  send(partition: number, count: number): Promise<void>;
}

const numbersOf = (partitions: readonly { readonly partition: number }[]) =>
  partitions
    .map(({ partition }) => partition)
    .sort((left, right) => left - right)
    .join();

/** Opens it, with one topic. */
export async function consumerStage(options: StageOptions = {}): Promise<ConsumerStage> {
  const clock = new VirtualClock({ jumps: false });
  const stage = await openStage({ ...options, clock });
  const producer = stage.millrace.producer();
  return {
    ...stage,
    clock,
    async join(name, loop = {}) {
      return startLoop(stage, clock, name, loop);
    },
    async send(partition, count) {
      const sends = Array.from({ length: count }, (_, n) =>
        producer.send({ topic: TOPIC, partition, value: String(n) }),
      );
      await during(clock, Promise.all(sends));
    },
  };
}

/** Lets time pass until a promise is settled. */
export async function during<T>(clock: VirtualClock, promise: Promise<T>, limitMs = 120_000): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  for (let passedMs = 0; !isSettled; passedMs += 20) {
    if (passedMs > limitMs) throw new Error('it did not settle');
    await clock.advance(20);
  }
  return settled;
}

async function startLoop(stage: Stage, clock: VirtualClock, name: string, options: LoopOptions): Promise<Loop> {
  const { handle, store = stage.store, topics = [TOPIC], onAssigned, ...consumerOptions } = options;
  const events: string[] = [];
  const seen: string[] = [];
  const millrace = new Millrace({ store, clock, random: systemRandom });
  const consumer: Consumer = millrace.consumer({
    group: 'g',
    clientId: name,
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 1_000,
    assignors: ['cooperative-sticky'],
    idleMaxMs: 100,
    onPartitionsAssigned: (partitions) => {
      events.push(`assigned ${numbersOf(partitions)}`);
      onAssigned?.(consumer);
    },
    onPartitionsRevoked: (partitions) => void events.push(`revoked ${numbersOf(partitions)}`),
    onPartitionsLost: (partitions, { code }) => void events.push(`lost ${numbersOf(partitions)} ${code}`),
    onCommitFailed: ({ code }) => void events.push(`commit failed ${code}`),
    ...consumerOptions,
  });
  await during(clock, consumer.subscribe(topics));
  const loop = async () => {
    for await (const record of consumer) {
      seen.push(`${record.partition}/${record.offset}`);
      await handle?.(record, consumer);
    }
  };
  const ended = loop().then(
    () => null,
    (error: unknown) => error,
  );
  return { consumer, seen, events, ended };
}
