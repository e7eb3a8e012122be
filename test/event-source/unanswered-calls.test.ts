/** A call of a function that nothing came back of: whether it counts as an attempt. */
import { expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import type { DeadRecord, EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import { pushBatches } from '../../lib/event-source/push/push-batches.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

/** The first call breaks after so long, all others are answered; records are given once and no more. */
async function pushAfterBreak(brokenAfterMs: number) {
  const clock = new VirtualClock({ jumps: true });
  const store = memoryStore({ clock });
  const millrace = new Millrace({ store, clock, random });
  await millrace.topics.createTopic({ name: 'orders' });
  const subscriptions = new SubscriptionAdmin({ store, clock, random });
  const options = { retryAttempts: 0, bisectBatchOnError: false };
  const subscription = await subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  await millrace.producer().send({ topic: 'orders', value: 'v' });
  const news: EventSourceNews[] = [];
  const dead: DeadRecord[] = [];
  const booked: number[] = [];
  let calls = 0;
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
      async invoke() {
        calls += 1;
        if (calls > 1) return { kind: 'returned', payload: '' } as const;
        await clock.sleep(brokenAfterMs);
        throw new UnansweredError('the connection broke');
      },
    },
  };
  for (let round = 0; round < 2; round++) {
    const request = { subscription, readAtMs: clock.nowMs(), partition: 0, seen: round, head: null };
    await pushBatches(deps, request, { deadlineMs: clock.monotonicMs() + 60_000, leaseMs: 30_000 });
    await clock.sleep(Math.max(0, (booked.at(-1) ?? 0) - clock.nowMs()));
  }
  const { lag } = await subscriptions.describe('billing');
  return { calls, dead, lag: lag.records, kinds: news.map(({ kind }) => kind) };
}

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
