import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { DeadLetters } from '../../lib/event-source/dead-letters.ts';
import type { EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { RecordSender } from '../../lib/event-source/give-up.ts';
import { deadLetterGroup } from '../../lib/event-source/retry-topics.ts';
import { type Ring, routeRings } from '../../lib/event-source/router.ts';
import { redriveOnSchedule } from '../../lib/event-source/scheduled-redrive.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { sweepSubscriptions } from '../../lib/event-source/sweeper.ts';
import type { WakeRequest } from '../../lib/event-source/wake-request.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { countedStore } from './counted-store.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

const START_MS = Date.UTC(2026, 10, 26, 16);
const HOUR_MS = 3_600_000;
const REDRIVE = { schedule: 'rate(1 hour)', rate: 100, maxAttempts: 2 };

let bench: EventSourceBench;
let nowMs: number;
let booked: number[];
let news: EventSourceNews[];
/** Values in the order in which they were sent, and when. */
let sent: { value: string; redrives: string; atMs: number }[];
let counted: ReturnType<typeof countedStore>;
/** Called before each letter is sent. */
let beforeSend: (value: string) => void | Promise<void>;
let admin: SubscriptionAdmin;

const clock = {
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  sleep: async (durationMs: number) => {
    nowMs += durationMs;
  },
};

const records: RecordSender = {
  async send(topic, { value, headers }) {
    expect(topic).toBe('billing.redrive');
    const text = Buffer.from(value!).toString();
    await beforeSend(text);
    const redrives = headers.find(({ key }) => key === 'millrace-redrives')!.value!;
    sent.push({ value: text, redrives: Buffer.from(redrives).toString(), atMs: nowMs });
  },
};

const redriveDeps = (store = counted.store) => ({
  store,
  clock,
  random,
  fetcher: new Fetcher({ store, clock, random }),
  records,
  wakeUps: { book: async ({ atMs }: { readonly atMs: number }) => void booked.push(atMs) },
  sink: { send: async () => {} },
  onNews: (one: EventSourceNews) => void news.push(one),
});

const place = async () => ({
  topicId: (await bench.millrace.topics.describeTopic('billing.dlq')).topic.topicId,
  partition: 0,
});
const leaseOf = async () => {
  const at = { group: deadLetterGroup('billing'), partition: await place() };
  return (await bench.store.leases.readMany([at]))[0]!;
};

/** As the router and the pump do: whoever is woken works for so long. */
async function wakeAll(
  wake: (waker: { wake(request: WakeRequest): Promise<void> }) => Promise<unknown>,
  workMs = HOUR_MS,
) {
  const requests: WakeRequest[] = [];
  await wake({ wake: async (request) => void requests.push(request) });
  for (const request of requests) await redriveOnSchedule(redriveDeps(), request, { deadlineMs: nowMs + workMs });
  return requests.length;
}
const ring = async (changes: Partial<Ring> = {}, workMs?: number) => {
  const partition = await place();
  const head = await bench.store.heads.read(partition, { consistent: true });
  const deps = { store: counted.store, clock, random };
  return wakeAll((waker) => routeRings(deps, waker, [{ partition, head, group: null, ...changes }]), workMs);
};
const sweep = () => wakeAll((waker) => sweepSubscriptions({ store: counted.store, clock, random }, waker));
/** The time of a wake-up has come. */
const wakeUp = (atMs: number, workMs?: number) => {
  nowMs = Math.max(nowMs, atMs);
  return ring({ head: null, group: deadLetterGroup('billing'), atMs }, workMs);
};

const die = async (values: readonly string[], redrives = 0, group = 'billing') => {
  const producer = bench.millrace.producer();
  const headers = { 'millrace-group': group, 'millrace-redrives': `${redrives}` };
  for (const value of values) await producer.send({ topic: 'billing.dlq', value, headers });
  await producer.close();
};
const create = (options: Partial<SubscriptionOptions> = {}) =>
  admin.create({
    name: 'billing',
    topic: 'orders',
    target: 'bill',
    options: { redrive: REDRIVE, ...options },
  });

beforeEach(async () => {
  bench = openBench();
  nowMs = START_MS;
  booked = [];
  news = [];
  sent = [];
  beforeSend = () => {};
  counted = countedStore(bench.store);
  admin = new SubscriptionAdmin({ store: bench.store, clock, random });
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 });
});
afterEach(() => bench.close());

const values = () => sent.map(({ value }) => value);

describe('dead letters with a schedule', () => {
  it('go back when it is time, and the first of them has it booked', async () => {
    await create();
    await die(['a', 'b']);
    expect(await ring()).toBe(1);
    expect(booked).toEqual([START_MS + HOUR_MS]);
    expect(await leaseOf()).toMatchObject({ expiresAtMs: 0, notBeforeMs: START_MS + HOUR_MS });
    // Those that come later find it booked.
    await die(['c']);
    nowMs += HOUR_MS / 2;
    expect(await ring()).toBe(0);
    expect(await sweep()).toBe(0);
    expect(sent).toEqual([]);
    expect(await wakeUp(booked[0]!)).toBe(1);
    expect(sent).toMatchObject([
      { value: 'a', redrives: '1' },
      { value: 'b', redrives: '1' },
      { value: 'c', redrives: '1' },
    ]);
    expect(await leaseOf()).toMatchObject({ committed: 3n, expiresAtMs: 0, notBeforeMs: 0 });
    expect(news).toContainEqual(expect.objectContaining({ kind: 'redriven', records: 3, exhausted: 0 }));
  });

  it('cost nothing while there are none: nobody is woken and nothing is booked', async () => {
    await create();
    for (let hour = 0; hour < 5; hour++) {
      nowMs += HOUR_MS;
      expect(await sweep()).toBe(0);
    }
    expect(booked).toEqual([]);
  });

  it('wait for the next time when they fail again, and stay when they were sent back often enough', async () => {
    await create();
    await die(['a']);
    await ring();
    // It fails while the others are being sent.
    beforeSend = async () => {
      beforeSend = () => {};
      await die(['a again'], 1);
    };
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a']);
    expect(booked).toEqual([START_MS + 2 * HOUR_MS]);
    beforeSend = async () => {
      beforeSend = () => {};
      await die(['a for good'], 2);
    };
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'a again']);
    expect(booked).toEqual([]);
    // Nobody looks at it again, whoever rings.
    nowMs += HOUR_MS;
    expect(await ring()).toBe(0);
    expect(await sweep()).toBe(0);
    const letters = new DeadLetters({ ...redriveDeps(), subscriptions: admin });
    expect(await letters.redrive('billing')).toEqual({ done: 0, exhausted: 1 });
    expect(await letters.redrive('billing', { maxRedrives: 5, dryRun: true })).toEqual({ done: 1, exhausted: 0 });
  });

  it('leave those of other subscriptions alone, and are not looked at again for them', async () => {
    await create();
    await die(['x', 'y'], 0, 'audit');
    expect(await ring()).toBe(1);
    expect(booked).toEqual([]);
    expect(await ring()).toBe(0);
    await die(['a']);
    await ring();
    await wakeUp(booked[0]!);
    expect(values()).toEqual(['a']);
  });

  it('go back at the rate that is wished', async () => {
    await create({ redrive: { ...REDRIVE, rate: 2 } });
    await die(['a', 'b', 'c']);
    await ring();
    await wakeUp(booked[0]!);
    expect(sent.map(({ atMs }) => atMs - START_MS - HOUR_MS)).toEqual([0, 500, 1_000]);
  });

  it('are waited for by nobody when the rate is low: a wake-up is booked for each', async () => {
    await create({ redrive: { ...REDRIVE, rate: 0.01 } });
    await die(['a', 'b']);
    await ring();
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a']);
    expect(booked).toEqual([START_MS + HOUR_MS + 100_000]);
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b']);
  });

  it('go on with another worker when the time of one is over', async () => {
    await create({ redrive: { ...REDRIVE, rate: 1 } });
    await die(['a', 'b', 'c']);
    await ring();
    await wakeUp(booked.pop()!, 1_500);
    expect(values()).toEqual(['a', 'b']);
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b', 'c']);
  });

  it('go on after a minute when one of them cannot be sent, and none of the others twice', async () => {
    await create();
    await die(['a', 'b', 'c']);
    await ring();
    let isDown = true;
    beforeSend = (value) => {
      if (isDown && value === 'b') throw new MillraceError('STORE_UNAVAILABLE', 'not now');
    };
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a']);
    expect(news).toContainEqual(expect.objectContaining({ kind: 'destination-failed', error: 'not now' }));
    // A hundredth of a second behind the one before it.
    expect(booked).toEqual([START_MS + HOUR_MS + 60_010]);
    isDown = false;
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b', 'c']);
  });

  it('are left to whoever has them, and somebody comes when that one’s time is over', async () => {
    await create();
    await die(['a']);
    await ring();
    const { generation } = await leaseOf();
    const expiresAtMs = START_MS + HOUR_MS + 9_000;
    const take = { topic: 'billing.dlq', owner: 'me', seen: generation, nowMs: START_MS, expiresAtMs };
    await bench.store.leases.take(deadLetterGroup('billing'), await place(), take);
    nowMs = START_MS + HOUR_MS;
    const [request] = await requestsOf();
    booked = [];
    await redriveOnSchedule(redriveDeps(), request!, { deadlineMs: nowMs + HOUR_MS });
    expect(booked).toEqual([expiresAtMs + 2_000]);
    expect(sent).toEqual([]);
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a']);
  });

  it('keep what was booked when somebody sends some of them back by hand', async () => {
    await create();
    await die(['a', 'b']);
    await ring();
    const letters = new DeadLetters({ ...redriveDeps(), subscriptions: admin });
    await letters.redrive('billing', { limit: 1 });
    expect(await leaseOf()).toMatchObject({ notBeforeMs: booked[0]! });
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b']);
  });

  it('follow a schedule that was changed, begin again when more attempts are allowed, and end with it', async () => {
    await create();
    await die(['a'], 2);
    await die(['b']);
    await ring();
    await admin.update('billing', { redrive: { ...REDRIVE, schedule: 'rate(5 minutes)', maxAttempts: 3 } });
    booked = [];
    expect(await ring({ head: null, group: deadLetterGroup('billing') })).toBe(1);
    expect(booked).toEqual([START_MS + 300_000]);
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b']);
    await admin.update('billing', { redrive: null });
    await die(['c']);
    nowMs += HOUR_MS;
    expect(await ring()).toBe(0);
    counted.requests.length = 0;
    await new SubscriptionAdmin({ store: counted.store, clock, random }).describe('billing');
    expect(counted.requests).not.toContain('subscriptions.list');
    await admin.update('billing', { redrive: REDRIVE });
    await ring();
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b', 'c']);
  });

  it('do not go back while their subscription is paused', async () => {
    await create();
    await die(['a']);
    await admin.pause('billing');
    expect(await ring()).toBe(0);
    await admin.resume('billing');
    expect(await ring()).toBe(1);
  });

  it.each([
    ['paused', () => admin.pause('billing'), () => admin.resume('billing')],
    [
      'told to leave them',
      () => admin.update('billing', { redrive: null }),
      () => admin.update('billing', { redrive: REDRIVE }),
    ],
  ])('stay from the moment on when it is %s, although somebody sends them', async (_, stop, goOn) => {
    await create({ redrive: { ...REDRIVE, rate: 0.5 } });
    await die(['a', 'b', 'c']);
    await ring();
    beforeSend = async (value) => {
      if (value === 'a') await stop();
    };
    await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a']);
    expect(await leaseOf()).toMatchObject({ expiresAtMs: 0 });
    await goOn();
    booked = [];
    await ring({ head: null, group: deadLetterGroup('billing') });
    if (booked.length > 0) await wakeUp(booked.pop()!);
    expect(values()).toEqual(['a', 'b', 'c']);
  });

  it('follow a schedule that was changed while somebody had them', async () => {
    await create();
    await die(['a']);
    const { leases } = counted.store;
    // The ring of the change finds the lease held.
    const changed = {
      ...leases,
      update: async (...args: Parameters<typeof leases.update>) => {
        const answer = await leases.update(...args);
        if (booked.length === 1) await admin.update('billing', { redrive: { ...REDRIVE, schedule: 'rate(1 minute)' } });
        return answer;
      },
    };
    const [request] = await requestsOf();
    await redriveOnSchedule(redriveDeps({ ...counted.store, leases: changed }), request!, {
      deadlineMs: nowMs + HOUR_MS,
    });
    expect(booked).toEqual([START_MS + HOUR_MS, START_MS + 60_000]);
  });

  it.each([
    [{ redrive: { schedule: 'often' } }, /rate\(5 minutes\)/],
    [{ redrive: { schedule: 'cron(0 0 31 2 ? *)' } }, /Give a day that there is/],
    [{ redrive: { ...REDRIVE, rate: 0 } }, /more than 0|above 0|0/],
    [{ redrive: { ...REDRIVE, maxAttempts: 0 } }, /1 to 100/],
    [{ redrive: { ...REDRIVE, maxattempts: 1 } }, /Did you mean maxAttempts/],
    [{ redrive: {} }, /rate\(5 minutes\)/],
    [{ redrive: REDRIVE, onFailure: null }, /topic:NAME/],
    [{ redrive: REDRIVE, onFailure: 'arn:aws:sqs:eu-west-1:123456789012:dead' }, /topic:NAME/],
  ])('are refused: %j', async (options, hint) => {
    await expect(create(options as Partial<SubscriptionOptions>)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      hint: expect.stringMatching(hint),
    });
    expect(await bench.millrace.topics.listTopics()).toEqual(['orders']);
  });

  it('go back by the event source of this machine, with its own timer', async () => {
    bench.functions.set('bill', ([record]) => {
      if (record!.topic === 'orders') throw new Error('not yet');
    });
    // It looks as if the hour had passed when the timer is asked for it.
    await create({ retryAttempts: 0 });
    bench.start();
    await bench.millrace.producer().send({ topic: 'orders', value: 'a' });
    await bench.until('it is booked', async () => (await leaseOf()).notBeforeMs > 0);
    const { generation, progress } = await leaseOf();
    const take = { topic: 'billing.dlq', owner: 'me', seen: generation, nowMs: Date.now(), expiresAtMs: 1 };
    await bench.store.leases.take(deadLetterGroup('billing'), await place(), take);
    const state = { committed: null, attempts: 0, progress, expiresAtMs: 0, notBeforeMs: 1 };
    const due = { owner: 'me', epoch: generation + 1, sequence: 1, atMs: 1, ...state };
    await bench.store.leases.update(deadLetterGroup('billing'), await place(), { ...due });
    await bench.store.bells.ring({ group: deadLetterGroup('billing'), partition: await place() }, 'now');
    await bench.until('it was handled', () => bench.calls.at(-1)?.values[0] === 'a' && bench.calls.length === 2);
    expect(await bench.deadLetters.list('billing')).toEqual([]);
  });
});

async function requestsOf(): Promise<readonly WakeRequest[]> {
  const { topicId } = await place();
  const subscription = await bench.store.subscriptions.get({ topicId, group: deadLetterGroup('billing') });
  const { generation } = await leaseOf();
  return [{ subscription: subscription!, partition: 0, seen: generation, head: null, readAtMs: nowMs }];
}
