/** Functions that pull, or are handed records, and produce while they do. */
import middy from '@middy/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import {
  type FunctionContext,
  millrace,
  millraceProducer,
  type Producing,
  type PulledBatch,
  producerHandler,
  pullHandler,
} from '../../lib/middleware/index.ts';
import { type EventSourceBench, openBench } from '../event-source/event-source-bench.ts';
import { contextOf, failureOf, withHeads } from './producing-stage.ts';

type Handler = (event: unknown, context: FunctionContext) => Promise<unknown>;

let bench: EventSourceBench;

beforeEach(async () => {
  bench = openBench();
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 3 });
  await bench.millrace.topics.createTopic({ name: 'bills', partitionCount: 1 });
});
afterEach(() => bench.close());

const values = async (topic: string) => (await bench.read(topic)).map(({ value }) => value).sort();

describe('a function that pulls and produces', () => {
  const subscribe = () =>
    bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options: { mode: 'pull' } });
  const bill = async ({ records }: PulledBatch, { producer }: Producing) => {
    for (const record of records) producer.send({ topic: 'bills', value: `bill of ${record.text()}` });
  };
  const send = async () => {
    const producer = bench.millrace.producer();
    await producer.send({ topic: 'orders', value: 'ada' });
    await producer.close();
  };

  it.each([
    [
      'under middy',
      (store: EventSourceStore) =>
        middy().use(millrace({ store })).use(millraceProducer({ store })).handler(bill) as unknown as Handler,
    ],
    [
      'without it',
      (store: EventSourceStore) => pullHandler(producerHandler(bill, { store }) as never, { store }) as Handler,
    ],
  ])('%s commits its batch when what it made of it is acknowledged', async (_, functionOf) => {
    let failures = 2;
    const { commit } = bench.store.heads;
    const store = withHeads(bench.store, {
      commit: (...args) => {
        failures -= 1;
        if (failures >= 0) return Promise.reject(new MillraceError('ACCESS_DENIED', 'not now'));
        return commit.apply(bench.store.heads, args);
      },
    });
    const handler = functionOf(store);
    bench.pullers.set('bill', (event) => handler(event, contextOf()));
    await subscribe();
    await send();
    bench.start();
    await bench.until('it is billed', async () => (await values('bills')).length === 1);
    expect(failures).toBeLessThan(0);
  });

  it.each([
    [
      'under middy',
      () =>
        middy()
          .use(millraceProducer({ store: bench.store }))
          .use(millrace({ store: bench.store })),
    ],
    [
      'without it',
      () =>
        producerHandler(
          pullHandler(() => {}, { store: bench.store }),
          { store: bench.store },
        ),
    ],
  ])('%s is told when the two stand the wrong way round', async (_, functionOf) => {
    const handler = functionOf() as unknown as Handler;
    let thrown: unknown;
    bench.pullers.set('bill', async (event) => {
      thrown = await failureOf(handler(event, contextOf()));
      throw thrown;
    });
    await subscribe();
    await send();
    bench.start();
    await bench.until('it is told', () => thrown !== undefined);
    expect(thrown).toMatchObject({ code: 'INVALID_CONFIG', hint: expect.stringContaining('Use millrace() first') });
  });
});

describe('a function that is fed by what it sends', () => {
  const loops = { name: 'loop', topic: 'orders', target: 'bill', options: { ordering: 'none' } } as const;
  const first = async () => {
    const producer = bench.millrace.producer();
    await producer.send({ topic: 'orders', value: 'round' });
    await producer.close();
  };
  const lettersOf = () => bench.deadLetters.list('loop');
  const ended = () => bench.until('it is among the dead letters', async () => (await lettersOf()).length === 1);

  it.each([
    ['pulled', { mode: 'pull' } as const],
    ['pushed', {} as const],
  ])('ends among the dead letters, with the reason: %s', async (_, options) => {
    let calls = 0;
    const handler = producerHandler(
      (_event: unknown, { producer }) => {
        calls += 1;
        producer.send({ topic: 'orders', value: 'round', headers: { own: 'kept' } });
      },
      { store: bench.store },
    );
    if ('mode' in options) bench.pullers.set('bill', (event) => pulling(event, contextOf()));
    else bench.pullers.set('bill', (event) => handler(event, contextOf()));
    const pulling = pullHandler(handler as never, { store: bench.store });
    await bench.subscriptions.create({ ...loops, options: { ...loops.options, ...options } });
    await first();
    bench.start();
    await ended();
    const [letter] = await lettersOf();
    expect(letter).toMatchObject({
      reason: 'MaximumHopsExceeded',
      error: 'the record has come through 16 functions: topics feed each other in a loop',
      attempts: 0,
    });
    expect(calls).toBe(16);
    expect((await bench.read('orders')).map(({ headers }) => headers['millrace-hops'] ?? '0')).toHaveLength(17);
  });

  it('is called once more for what somebody sends back', async () => {
    const handler = producerHandler(
      (_event: unknown, { producer }) => {
        producer.send({ topic: 'orders', value: 'round' });
      },
      { store: bench.store },
    );
    let calls = 0;
    bench.pullers.set('bill', (event) => {
      calls += 1;
      return handler(event, contextOf());
    });
    await bench.subscriptions.create(loops);
    await first();
    bench.start();
    await ended();
    await bench.deadLetters.redrive('loop');
    await bench.until('it has gone round and come back', async () => (await lettersOf()).length === 1 && calls > 16);
    expect(calls).toBe(17);
  });

  it('counts in the place of a count that was copied', async () => {
    const handler = producerHandler(
      (_event: unknown, { producer }) => {
        producer.send({
          topic: 'bills',
          value: 'a',
          headers: [
            ['millrace-hops', '9'],
            ['own', 'kept'],
          ],
        });
        producer.send({ topic: 'bills', value: 'b', headers: { 'millrace-hops': '9', own: 'kept' } });
      },
      { store: bench.store },
    );
    await handler({ records: { 'orders-0': [{ headers: [{ 'millrace-hops': [50] }] }] } }, contextOf());
    await handler({ body: 'of an HTTP call' }, contextOf());
    const headers = (await bench.read('bills')).map((record) => record.headers);
    expect(headers).toEqual([
      { own: 'kept', 'millrace-hops': '3' },
      { own: 'kept', 'millrace-hops': '3' },
      { own: 'kept', 'millrace-hops': '9' },
      { own: 'kept', 'millrace-hops': '9' },
    ]);
  });
});
