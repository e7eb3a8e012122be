/** Calls of a function that did not take place, or that nothing came back of: whether they count as attempts, and when they are made again. */
import { expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { type Clock, systemRandom as random } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import type { DeadRecord, EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { InvokeAnswer } from '../../lib/event-source/push/function-invoker.ts';
import { pushBatches } from '../../lib/event-source/push/push-batches.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

/** Pushes one record by workers that come when they are woken, for so many rounds; records are given once and no more. */
async function pushed(
  rounds: number,
  invokeAt: (call: number, clock: Clock) => Promise<InvokeAnswer>,
  retryAttempts = 0,
) {
  const clock = new VirtualClock({ jumps: true });
  const store = memoryStore({ clock });
  const millrace = new Millrace({ store, clock, random });
  await millrace.topics.createTopic({ name: 'orders' });
  const subscriptions = new SubscriptionAdmin({ store, clock, random });
  const options = { retryAttempts, bisectBatchOnError: false };
  const subscription = await subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  await millrace.producer().send({ topic: 'orders', value: 'v' });
  const news: EventSourceNews[] = [];
  const dead: DeadRecord[] = [];
  const booked: number[] = [];
  const callsAtMs: number[] = [];
  const deps = {
    store,
    clock,
    random,
    fetcher: new Fetcher({ store, clock, random }),
    records: { send: async () => {} },
    sink: { send: async (_: unknown, records: readonly DeadRecord[]) => void dead.push(...records) },
    wakeUps: { book: async ({ atMs }: { atMs: number }) => void booked.push(atMs) },
    onNews: (one: EventSourceNews) => void news.push(one),
    originOf: () => ({ eventSourceArn: 'arn', bootstrapServers: 'b', region: 'r' }),
    invoker: {
      invoke() {
        callsAtMs.push(clock.nowMs());
        return invokeAt(callsAtMs.length, clock);
      },
    },
  };
  for (let round = 0; round < rounds; round++) {
    const request = { subscription, readAtMs: clock.nowMs(), partition: 0, seen: round, head: null };
    await pushBatches(deps, request, { deadlineMs: clock.monotonicMs() + 60_000, leaseMs: 30_000 });
    await clock.sleep(Math.max(0, (booked.at(-1) ?? 0) - clock.nowMs()));
  }
  const { lag } = await subscriptions.describe('billing');
  return { callsAtMs, calls: callsAtMs.length, dead, lag: lag.records, kinds: news.map(({ kind }) => kind) };
}

/** The first call breaks after so long, all others are answered. */
function pushAfterBreak(brokenAfterMs: number) {
  return pushed(2, async (call, clock) => {
    if (call > 1) return ANSWERED;
    await clock.sleep(brokenAfterMs);
    throw new UnansweredError('the connection broke');
  });
}

const ANSWERED: InvokeAnswer = { kind: 'returned', payload: '' };

it('is no attempt when it broke at once: the batch is given again a little later', async () => {
  const { calls, dead, lag, kinds } = await pushAfterBreak(10);
  expect({ calls, dead, lag }).toEqual({ calls: 2, dead: [], lag: 0n });
  expect(kinds).toContain('throttled');
});

it('is one when the function had time to handle the batch', async () => {
  const { calls, dead, lag } = await pushAfterBreak(20_000);
  expect({ calls, lag }).toEqual({ calls: 1, lag: 0n });
  expect(dead).toMatchObject([{ reason: 'RetryAttemptsExhausted', error: 'the connection broke' }]);
});

it('is made again later and later while the function is throttled, and no attempt', async () => {
  const { callsAtMs, dead, lag, kinds } = await pushed(8, async (call) =>
    call < 8 ? { kind: 'throttled' } : ANSWERED,
  );
  const waits = callsAtMs.slice(1).map((atMs, index) => Math.round((atMs - callsAtMs[index]!) / 1_000));
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  expect({ dead, lag }).toEqual({ dead: [], lag: 0n });
  expect(kinds.filter((kind) => kind === 'throttled')).toHaveLength(7);
});

it('is made again as soon as ever once the function was called', async () => {
  const failing: InvokeAnswer = { kind: 'failed', errorType: 'RetryAfter', errorMessage: '5000 ms', stack: '' };
  const answers: readonly InvokeAnswer[] = [
    { kind: 'throttled' },
    { kind: 'throttled' },
    failing,
    { kind: 'throttled' },
  ];
  const { callsAtMs } = await pushed(5, async (call) => answers[call - 1] ?? ANSWERED, 1);
  const waits = callsAtMs.slice(1).map((atMs, index) => Math.round((atMs - callsAtMs[index]!) / 1_000));
  expect(waits).toEqual([1, 2, 5, 1]);
});
