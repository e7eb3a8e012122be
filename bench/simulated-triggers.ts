/**
 * From the acknowledgement of a commit to the start of a handler, on stores and calls that take as long as AWS does (`aws-latency.ts`), in virtual time: the same figures for the same seed.
 *
 * Everything but the ways is the real code: producer, router, pump, middleware. The stream is asked by Lambda four times a second, and a batch of it is with the router until that answers ("Polling and batching streams" in the Lambda
 * developer guide). Beside it there is a poller as one would write it for a queue: it looks at the head, calls the function with what is new, and sleeps.
 */
import { LatencySample, type LatencySummary } from '../lib/cli/latency-sample.ts';
import { Millrace } from '../lib/client/millrace.ts';
import type { EventSourceStore } from '../lib/event-source/event-source-store.ts';
import { pullPayload } from '../lib/event-source/pull-pointer.ts';
import { pushBatches } from '../lib/event-source/push/push-batches.ts';
import { type Ring, routeRings } from '../lib/event-source/router.ts';
import { SubscriptionAdmin } from '../lib/event-source/subscription-admin.ts';
import type { WakeRequest } from '../lib/event-source/wake-request.ts';
import { Fetcher } from '../lib/log/fetcher.ts';
import type { PartitionKey } from '../lib/log/partition-key.ts';
import { memoryStore } from '../lib/memory/memory-store.ts';
import { pullHandler } from '../lib/middleware/millrace.ts';
import { Dice, Process, VirtualTime } from '../test/log/simulation/virtual-time.ts';
import { drawMs, LATENCIES, type Latency } from './aws-latency.ts';

/** How records come to the function. */
export type TriggerWay = 'push' | 'pull' | { readonly pollMs: number };

/** What is simulated. */
export interface SimulatedTriggers {
  readonly way: TriggerWay;
  readonly path: 'inline' | 'segment';
  readonly records: number;
  /** Between two records, on average: the pauses are drawn evenly from 0 to twice that. */
  readonly pauseMs: number;
}

const TOPIC = 'orders';
/** Lambda asks a stream of DynamoDB so often. */
const STREAM_POLL_MS = 250;
const FUNCTION_MS = 5;
const LEASE_MS = 10_000;
const HTTP_METHODS = { put: 'PUT', get: 'GET', size: 'HEAD', remove: 'POST', list: 'GET' } as const;

/** Runs it. */
export async function simulateTriggers(options: SimulatedTriggers): Promise<LatencySummary> {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulatedTriggers;
  readonly #time = new VirtualTime();
  readonly #dice = new Dice(1);
  readonly #process = new Process(this.#time, 'p', 0);
  readonly #base = memoryStore({ clock: this.#process });
  readonly #store: EventSourceStore = this.#slow();
  readonly #acknowledgedMs: number[] = [];
  readonly #startedMs: number[] = [];
  /** What the stream has not been asked for yet. */
  #stream: Ring[] = [];
  #partition: PartitionKey | null = null;
  #isOver = false;

  constructor(options: SimulatedTriggers) {
    this.#options = options;
  }

  async run(): Promise<LatencySummary> {
    const { records } = this.#options;
    let failure: unknown = null;
    this.#time.schedule(0, () => {
      this.#live().catch((error: unknown) => {
        failure = error;
        this.#isOver = true;
      });
    });
    while (!this.#isOver) {
      if (!(await this.#time.step(Number.POSITIVE_INFINITY))) break;
    }
    if (failure !== null) throw failure;
    const sample = new LatencySample(records);
    for (const [offset, atMs] of this.#acknowledgedMs.entries()) {
      const startedMs = this.#startedMs[offset];
      if (startedMs === undefined) throw new RangeError(`the record ${offset} came to no handler`);
      sample.add(Math.max(0, startedMs - atMs));
    }
    return sample.summary;
  }

  async #live(): Promise<void> {
    const { way, path, records, pauseMs } = this.#options;
    const deps = { clock: this.#process, random: this.#dice };
    const config = { 'millrace.inline.max.bytes': path === 'inline' ? '1024' : '0' };
    const direct = new Millrace({ ...deps, store: this.#base });
    const { topicId } = await direct.topics.createTopic({ name: TOPIC, partitionCount: 1, config });
    this.#partition = { topicId, partition: 0 };
    if (typeof way === 'object') void this.#poll(way.pollMs);
    else {
      const subscriptions = new SubscriptionAdmin({ ...deps, store: this.#base });
      await subscriptions.create({ name: 'billing', topic: TOPIC, target: 'bill', options: { mode: way } });
      void this.#listen();
    }
    const producer = new Millrace({ ...deps, store: this.#store }).producer();
    for (let n = 0; n < records; n++) {
      await this.#sleep(2 * pauseMs * this.#dice.fraction());
      const { offset } = await producer.send({ topic: TOPIC, partition: 0, value: `record ${n}` });
      this.#acknowledgedMs[Number(offset)] = this.#time.nowMs;
    }
    while (this.#startedMs.filter((atMs) => atMs !== undefined).length < records) await this.#sleep(1_000);
    this.#isOver = true;
  }

  /** Lambda's poller of the stream, with the router behind it. */
  async #listen(): Promise<void> {
    const deps = { store: this.#store, clock: this.#process, random: this.#dice };
    const waker = {
      wake: async (request: WakeRequest) => {
        await this.#takes(LATENCIES.lambda.invoke);
        void this.#takes(LATENCIES.lambda.queue).then(() => this.#work(request));
      },
    };
    for (;;) {
      const startMs = this.#time.nowMs;
      await this.#takes(LATENCIES.dynamodb.POST);
      const rings = this.#stream;
      this.#stream = [];
      if (rings.length > 0) {
        await this.#takes(LATENCIES.lambda.invoke);
        await routeRings(deps, waker, rings);
      }
      await this.#sleep(Math.max(0, startMs + STREAM_POLL_MS - this.#time.nowMs));
    }
  }

  async #work(request: WakeRequest): Promise<void> {
    const deps = { store: this.#store, clock: this.#process, random: this.#dice };
    if (this.#options.way === 'pull') {
      const handler = pullHandler(({ records }) => this.#handle(records.map(({ offset }) => offset)), deps);
      await handler(JSON.parse(pullPayload(request)), {});
      return;
    }
    const invoke = async (_: string, payload: string) => {
      await this.#takes(LATENCIES.lambda.invoke);
      const { records } = JSON.parse(payload) as { readonly records: Readonly<Record<string, { offset: number }[]>> };
      await this.#handle(Object.values(records).flatMap((list) => list.map(({ offset }) => BigInt(offset))));
      return { kind: 'returned', payload: '' } as const;
    };
    await pushBatches(
      {
        ...deps,
        fetcher: new Fetcher(deps),
        wakeUps: { book: async () => {} },
        records: { send: async () => {} },
        sink: { send: async () => {} },
        onNews: () => {},
        originOf: () => ({ eventSourceArn: '', bootstrapServers: '', region: '' }),
        invoker: { invoke },
      },
      request,
      { deadlineMs: Number.POSITIVE_INFINITY, leaseMs: LEASE_MS },
    );
  }

  /** The other way: looks, calls, sleeps. */
  async #poll(pollMs: number): Promise<void> {
    const fetcher = new Fetcher({ store: this.#store, clock: this.#process, random: this.#dice });
    let offset = 0n;
    for (;;) {
      const target = { partition: this.#partition!, domain: 'shared', offset, maxBytes: 1024 * 1024 };
      const [fetched] = await fetcher.fetch([target], { maxBytes: 1024 * 1024 });
      if (fetched!.outcome === 'failed') throw fetched!.error;
      const { nextOffset } = fetched!;
      if (nextOffset > offset) {
        await this.#takes(LATENCIES.lambda.invoke);
        await this.#handle(Array.from({ length: Number(nextOffset - offset) }, (_, n) => offset + BigInt(n)));
        offset = nextOffset;
      } else await this.#sleep(pollMs);
    }
  }

  async #handle(offsets: readonly bigint[]): Promise<void> {
    for (const offset of offsets) this.#startedMs[Number(offset)] ??= this.#time.nowMs;
    await this.#sleep(FUNCTION_MS);
  }

  /** The store as it is from afar: a request takes effect when its time is over, just before it is answered. */
  #slow(): EventSourceStore {
    const base = this.#base;
    const slow = <P extends object>(port: P, latencyOf: (method: string) => Latency): P =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            await this.#takes(latencyOf(String(name)));
            return Reflect.apply(method, target, args);
          };
        },
      });
    const table = <P extends object>(port: P) => slow(port, () => LATENCIES.dynamodb.POST);
    const heads = table(base.heads);
    return {
      ...base,
      objects: slow(base.objects, (method) => LATENCIES.s3[HTTP_METHODS[method as keyof typeof HTTP_METHODS]]),
      heads: {
        ...base.heads,
        read: (...args) => heads.read(...args),
        readMany: (...args) => heads.readMany(...args),
        commit: async (partition, args) => {
          const answer = await heads.commit(partition, args);
          const head = await base.heads.read(partition, { consistent: true });
          this.#stream.push({ partition, head, group: null });
          return answer;
        },
      },
      chunks: table(base.chunks),
      topics: table(base.topics),
      groups: table(base.groups),
      offsets: table(base.offsets),
      leases: table(base.leases),
      subscriptions: table(base.subscriptions),
      bells: table(base.bells),
    };
  }

  #takes(latency: Latency): Promise<void> {
    return this.#sleep(drawMs(latency, this.#dice.fraction));
  }

  #sleep(durationMs: number): Promise<void> {
    return this.#process.sleep(durationMs);
  }
}
