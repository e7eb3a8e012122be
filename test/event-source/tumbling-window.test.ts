import type { KinesisStreamTumblingWindowEvent, MSKEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import type { DeadRecord, EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import { parseProgress } from '../../lib/event-source/progress.ts';
import type { InvokeAnswer } from '../../lib/event-source/push/function-invoker.ts';
import { pushBatches } from '../../lib/event-source/push/push-batches.ts';
import { type Ring, routeRings } from '../../lib/event-source/router.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import type { WakeRequest } from '../../lib/event-source/wake-request.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

/** The beginning of a minute. */
const START_MS = Date.UTC(2025, 10, 26, 16, 20);
const MINUTE_MS = 60_000;

type WindowEvent = Omit<KinesisStreamTumblingWindowEvent, 'Records'> & {
  readonly shardId: string;
  readonly eventSourceARN: string;
};
interface Call {
  readonly values: readonly string[];
  readonly window: string;
  readonly state: unknown;
  readonly isFinal: boolean | undefined;
  readonly isEarly: boolean | undefined;
  readonly event: WindowEvent & Partial<Pick<MSKEvent, 'records'>> & Partial<KinesisStreamTumblingWindowEvent>;
}

let bench: EventSourceBench;
let nowMs: number;
let calls: Call[];
let booked: number[];
let dead: DeadRecord[];
let handler: (call: Call) => unknown;
let topicId: string;

const clock = {
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  // A lease is not renewed while a function of a test is called.
  sleep: (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
};
const valuesOf = (event: Call['event']) => [
  ...Object.values(event.records ?? {}).flatMap((some) => some.map(({ value }) => value)),
  ...(event.Records ?? []).map(({ kinesis }) => kinesis.data),
];
const invoke = async (_: string, payload: string): Promise<InvokeAnswer> => {
  const event = JSON.parse(payload) as Call['event'];
  const time = (text: string) => text.slice(11, -1);
  const call = {
    values: valuesOf(event).map((value) => Buffer.from(value, 'base64').toString()),
    window: event.window === undefined ? 'none' : `${time(event.window.start)}-${time(event.window.end)}`,
    state: event.state,
    isFinal: event.isFinalInvokeForWindow,
    isEarly: event.isWindowTerminatedEarly,
    event,
  };
  calls.push(call);
  try {
    return { kind: 'returned', payload: JSON.stringify(handler(call)) ?? '' };
  } catch (error) {
    return { kind: 'failed', errorType: 'Error', errorMessage: (error as Error).message, stack: '' };
  }
};
const deps = () => ({
  store: bench.store,
  clock,
  random,
  fetcher: new Fetcher({ store: bench.store, clock, random }),
  records: { send: async () => {} },
  wakeUps: { book: async ({ atMs }: { readonly atMs: number }) => void booked.push(atMs) },
  sink: { send: async (_: unknown, records: readonly DeadRecord[]) => void dead.push(...records) },
  onNews: (_: EventSourceNews) => {},
  invoker: { invoke },
  originOf: () => ({ eventSourceArn: 'arn:of:orders', bootstrapServers: 'none:9092', region: 'local' }),
});

async function work(changes: Partial<Ring> = {}): Promise<void> {
  const partition = { topicId, partition: 0 };
  const requests: WakeRequest[] = [];
  const waker = { wake: async (request: WakeRequest) => void requests.push(request) };
  await routeRings(deps(), waker, [{ partition, head: null, group: 'billing', ...changes }]);
  for (const request of requests) await pushBatches(deps(), request, { deadlineMs: nowMs + 600_000, leaseMs: 60_000 });
}
/** The time of the last wake-up that was booked has come. */
async function wakeUp(): Promise<void> {
  const atMs = booked.at(-1)!;
  nowMs = Math.max(nowMs, atMs);
  await work({ atMs });
}
async function send(...records: readonly (readonly [value: string, second: number])[]): Promise<void> {
  const producer = bench.millrace.producer();
  for (const [value, second] of records) {
    await producer.send({ topic: 'orders', partition: 0, value, timestampMs: BigInt(START_MS + second * 1000) });
  }
  await producer.close();
}
const create = (options: Partial<SubscriptionOptions> = {}) =>
  new SubscriptionAdmin({ store: bench.store, clock, random }).create({
    name: 'billing',
    topic: 'orders',
    target: 'bill',
    options: { tumblingWindowMs: MINUTE_MS, ...options },
  });
const lease = async () =>
  (await bench.store.leases.readMany([{ group: 'billing', partition: { topicId, partition: 0 } }]))[0]!;

/** Counts. */
const counting = ({ values, state }: Call) => ({ state: { n: ((state as { n?: number }).n ?? 0) + values.length } });
const told = () => calls.map(({ values, window, state, isFinal }) => [values.join(''), window, state, isFinal]);

beforeEach(async () => {
  bench = openBench();
  nowMs = START_MS;
  calls = [];
  booked = [];
  dead = [];
  handler = counting;
  ({ topicId } = await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 }));
});
afterEach(() => bench.close());

describe('a tumbling window', () => {
  it('hands a state on from batch to batch, and ends when it is over although no record comes', async () => {
    await create();
    nowMs = START_MS + 20_000;
    await send(['a', 10], ['b', 20]);
    await work();
    await send(['c', 25]);
    nowMs += 10_000;
    await work();
    expect(told()).toEqual([
      ['ab', '16:20:00-16:21:00', {}, false],
      ['c', '16:20:00-16:21:00', { n: 2 }, false],
    ]);
    // One wake-up is booked for its end, and nobody looks before.
    expect(booked).toEqual([START_MS + MINUTE_MS]);
    nowMs += 10_000;
    await work();
    expect(calls).toHaveLength(2);
    await wakeUp();
    expect(told().slice(2)).toEqual([['', '16:20:00-16:21:00', { n: 3 }, true]]);
    expect(await lease()).toMatchObject({ committed: 3n, expiresAtMs: 0, notBeforeMs: 0 });
    booked = [];
    await work();
    expect(calls).toHaveLength(3);
    expect(booked).toEqual([]);
  });

  it('is that of the timestamps: a later record ends it, and a batch has one window', async () => {
    await create();
    nowMs = START_MS + 600_000;
    await send(['a', 5], ['b', 59], ['c', 60], ['d', 119], ['e', 300]);
    await work();
    expect(told()).toEqual([
      ['ab', '16:20:00-16:21:00', {}, false],
      ['', '16:20:00-16:21:00', { n: 2 }, true],
      ['cd', '16:21:00-16:22:00', {}, false],
      ['', '16:21:00-16:22:00', { n: 2 }, true],
      ['e', '16:25:00-16:26:00', {}, false],
      ['', '16:25:00-16:26:00', { n: 1 }, true],
    ]);
    expect(await lease()).toMatchObject({ committed: 5n, notBeforeMs: 0 });
  });

  it('counts what is late in the next one, and what is from the future in the present', async () => {
    await create();
    nowMs = START_MS + 65_000;
    await send(['a', 10], ['b', 62]);
    await work();
    await send(['late', 30], ['future', 9_000]);
    await work();
    await wakeUp();
    expect(told().slice(2)).toEqual([
      ['b', '16:21:00-16:22:00', {}, false],
      ['latefuture', '16:21:00-16:22:00', { n: 1 }, false],
      ['', '16:21:00-16:22:00', { n: 3 }, true],
    ]);
    // Its own window is over twice by now: it opens the one behind the last, which is over too.
    await send(['old', 0]);
    await work();
    expect(told().slice(5)).toEqual([['old', '16:22:00-16:23:00', {}, false]]);
    await wakeUp();
    expect(told().slice(6)).toEqual([['', '16:22:00-16:23:00', { n: 1 }, true]]);
  });

  it('keeps its state when a batch fails, and takes what is answered with failures', async () => {
    await create({ reportBatchItemFailures: true, bisectBatchOnError: false });
    nowMs = START_MS + 30_000;
    await send(['a', 1], ['b', 2], ['c', 3]);
    let attempt = 0;
    handler = (call) => {
      attempt += 1;
      if (attempt === 1) throw new Error('no');
      if (attempt > 2) return counting(call);
      return { state: { n: 1 }, batchItemFailures: [{ itemIdentifier: { partition: 'orders-0', offset: 1 } }] };
    };
    await work();
    await wakeUp();
    await wakeUp();
    expect(told()).toEqual([
      ['abc', '16:20:00-16:21:00', {}, false],
      ['abc', '16:20:00-16:21:00', {}, false],
      ['bc', '16:20:00-16:21:00', { n: 1 }, false],
    ]);
    await wakeUp();
    expect(told().slice(3)).toEqual([['', '16:20:00-16:21:00', { n: 3 }, true]]);
  });

  it('does not wait for its end while a record in it waits to be given again', async () => {
    await create({ retryAttempts: 1 });
    nowMs = START_MS + 59_500;
    await send(['a', 1]);
    handler = () => {
      throw new Error('no');
    };
    await work();
    expect(booked.at(-1)).toBe(START_MS + 60_500);
    handler = counting;
    await wakeUp();
    expect(told().slice(1)).toEqual([
      ['a', '16:20:00-16:21:00', {}, false],
      ['', '16:20:00-16:21:00', { n: 1 }, true],
    ]);
  });

  it('is called again when its last call fails, and its state is given up like a record', async () => {
    await create({ retryAttempts: 1 });
    nowMs = START_MS + 30_000;
    await send(['a', 1]);
    await work();
    handler = () => {
      throw new Error('cannot save');
    };
    await wakeUp();
    expect(parseProgress((await lease()).progress)).toMatchObject({
      window: { failures: 1, state: { n: 1 } },
      error: 'Error: cannot save',
    });
    await wakeUp();
    expect(told().slice(1)).toEqual([
      ['', '16:20:00-16:21:00', { n: 1 }, true],
      ['', '16:20:00-16:21:00', { n: 1 }, true],
    ]);
    expect(dead).toMatchObject([
      { reason: 'RetryAttemptsExhausted', failures: 2, error: 'Error: cannot save', record: { offset: 0n } },
    ]);
    expect(Buffer.from(dead[0]!.record.valueBytes!).toString()).toBe('{"n":1}');
    expect(dead[0]!.record.headers.map(({ value }) => Buffer.from(value!).toString())).toEqual([
      '2025-11-26T16:20:00Z',
      '2025-11-26T16:21:00Z',
    ]);
    handler = counting;
    await send(['b', 70]);
    await work();
    expect(told().slice(3)).toEqual([['b', '16:21:00-16:22:00', {}, false]]);
  });

  it('ends early when its state is too much, and goes on without it', async () => {
    await create();
    nowMs = START_MS + 30_000;
    const much = 'x'.repeat(64 * 1024);
    await send(['a', 1]);
    handler = ({ isFinal, values }) => (isFinal ? undefined : { state: values.includes('a') ? much : { n: 1 } });
    await work();
    expect(calls.map(({ isFinal, isEarly, values, state }) => [values.join(''), isFinal, isEarly, state])).toEqual([
      ['a', false, false, {}],
      ['', true, true, much],
    ]);
    expect((await lease()).committed).toBe(1n);
    await send(['b', 2]);
    await work();
    await wakeUp();
    expect(told().slice(2)).toEqual([
      ['b', '16:20:00-16:21:00', {}, false],
      ['', '16:20:00-16:21:00', { n: 1 }, true],
    ]);
  });

  it('commits nothing when its early end fails: the batch is given again with the state before it', async () => {
    await create({ retryAttempts: 3 });
    nowMs = START_MS + 30_000;
    await send(['a', 1]);
    let isDown = true;
    handler = ({ isFinal }) => {
      if (isFinal && isDown) throw new Error('down');
      return { state: 'x'.repeat(70_000) };
    };
    await work();
    expect(await lease()).toMatchObject({ committed: 0n });
    isDown = false;
    await wakeUp();
    expect(
      calls.map(({ values, isEarly, state }) => [values.join(''), isEarly, (state as { length?: number }).length]),
    ).toEqual([
      ['a', false, undefined],
      ['', true, 70_000],
      ['a', false, undefined],
      ['', true, 70_000],
    ]);
    expect((await lease()).committed).toBe(1n);
  });

  it('begins anew when nothing is answered, and fails when the answer makes no sense', async () => {
    await create({ bisectBatchOnError: false });
    nowMs = START_MS + 30_000;
    handler = ({ values }) =>
      values[0] === 'a'
        ? { state: { n: 5 } }
        : values[0] === 'b'
          ? null
          : values[0] === 'c' && calls.length < 4
            ? 'what'
            : {};
    for (const value of ['a', 'b', 'c']) {
      await send([value, 1]);
      await work();
    }
    expect(calls.map(({ state }) => state)).toEqual([{}, { n: 5 }, {}]);
    expect(parseProgress((await lease()).progress).error).toMatch(/makes no sense.*what/);
  });

  it('ends at once when the option is taken away', async () => {
    await create();
    nowMs = START_MS + 30_000;
    await send(['a', 1]);
    await work();
    await new SubscriptionAdmin({ store: bench.store, clock, random }).update('billing', { tumblingWindowMs: 0 });
    await send(['b', 2]);
    handler = () => null;
    await work();
    expect(told().slice(1)).toEqual([
      ['', '16:20:00-16:21:00', { n: 1 }, true],
      ['b', 'none', undefined, undefined],
    ]);
  });

  it('waits for a full batch no longer than until it is over', async () => {
    await create({ maxBatchingWindowMs: 300_000 });
    nowMs = START_MS + 30_000;
    await send(['a', 1]);
    await work();
    expect(calls).toEqual([]);
    expect(booked.at(-1)).toBe(START_MS + MINUTE_MS);
    await wakeUp();
    expect(told()).toEqual([
      ['a', '16:20:00-16:21:00', {}, false],
      ['', '16:20:00-16:21:00', { n: 1 }, true],
    ]);
  });

  it('is told as Kinesis tells it, and a Kafka event has the same fields', async () => {
    await create({ format: 'kinesis' });
    nowMs = START_MS + 30_000;
    await send(['a', 1]);
    await work();
    await wakeUp();
    const [first, last] = calls.map(({ event }) => event);
    const common = {
      window: { start: '2025-11-26T16:20:00Z', end: '2025-11-26T16:21:00Z' },
      shardId: 'shardId-000000000000',
      eventSourceARN: 'arn:of:orders',
      isWindowTerminatedEarly: false,
    };
    expect(first).toEqual({ ...common, Records: [expect.anything()], state: {}, isFinalInvokeForWindow: false });
    expect(last).toEqual({ ...common, Records: [], state: { n: 1 }, isFinalInvokeForWindow: true });
    await new SubscriptionAdmin({ store: bench.store, clock, random }).update('billing', { format: 'kafka' });
    await send(['b', 70]);
    nowMs = START_MS + 70_000;
    await work();
    expect(calls[2]!.event).toMatchObject({
      eventSource: 'aws:kafka',
      records: { 'orders-0': [{}] },
      shardId: 'orders-0',
      state: {},
    });
  });
});
