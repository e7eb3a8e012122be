import middy7 from '@middy/core';
import middy5 from 'middy-5';
import middy6 from 'middy-6';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPEN_BATCH_BYTES } from '../../lib/client/open-batch.ts';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import type { Heads } from '../../lib/log/heads.ts';
import {
  type FunctionContext,
  type InvocationProducer,
  millraceProducer,
  type ProduceOptions,
  type Producing,
  producerHandler,
  serdes,
} from '../../lib/middleware/index.ts';
import { type EventSourceBench, openBench } from '../event-source/event-source-bench.ts';
import { contextOf, failureOf, withHeads } from './producing-stage.ts';

type Handler = (event: unknown, context: FunctionContext) => Promise<unknown>;
type Body = (event: unknown, context: Producing) => unknown;

let bench: EventSourceBench;

beforeEach(async () => {
  bench = openBench();
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 3 });
  await bench.millrace.topics.createTopic({ name: 'bills', partitionCount: 1 });
});
afterEach(() => bench.close());

const values = async (topic: string) => (await bench.read(topic)).map(({ value }) => value).sort();
/** What of middy is used here; its versions type it differently. */
type Middy = () => { use(middleware: unknown): ReturnType<Middy>; handler(handler: unknown): unknown };

const WAYS: readonly (readonly [string, (body: Body, options?: ProduceOptions) => Handler])[] = [
  ...(
    [
      ['under middy 5', middy5],
      ['under middy 6', middy6],
      ['under middy 7', middy7],
    ] as unknown as readonly [string, Middy][]
  ).map(
    ([name, middy]) =>
      [
        name,
        (body: Body, options: ProduceOptions = {}) =>
          middy()
            .use(millraceProducer({ store: bench.store, ...options }))
            .handler(body) as Handler,
      ] as const,
  ),
  [
    'without middy',
    (body, options = {}) => producerHandler(body, { store: bench.store, ...options }) as unknown as Handler,
  ],
];

describe.each(WAYS)('a function that produces, %s', (_, functionOf) => {
  it('answers when all is acknowledged, although nothing was awaited', async () => {
    const handler = functionOf((event, { producer }) => {
      for (const value of event as string[]) producer.send({ topic: 'orders', key: value, value });
      return { taken: (event as string[]).length };
    });
    expect(await handler(['a', 'b', 'c'], contextOf())).toEqual({ taken: 3 });
    expect(await values('orders')).toEqual(['a', 'b', 'c']);
  });

  it('fails when a record that nobody waited for failed, and says which', async () => {
    const handler = functionOf((_event, { producer }) => {
      producer.send({ topic: 'orders', value: 'good' });
      producer.send({ topic: 'no-such-topic', key: 'k', value: 'lost' });
    });
    const error = await failureOf(handler({}, contextOf()));
    expect(error).toBeInstanceOf(MillraceError);
    expect(error.message).toContain('1 of 2 records was not acknowledged: 1 to no-such-topic');
    expect(error.code).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(error.value).toEqual([{ index: 1, topic: 'no-such-topic', key: 'k', code: 'UNKNOWN_TOPIC_OR_PARTITION' }]);
    expect(await values('orders')).toEqual(['good']);
  });

  it('leaves a failure that the handler has waited for to the handler', async () => {
    const handler = functionOf(async (_event, { producer }) => {
      const sent = producer.send({ topic: 'orders', partition: 0, value: 'late', expectedOffset: 7n });
      return sent.then(
        () => 'written',
        (error: MillraceError) => error.code,
      );
    });
    expect(await handler({}, contextOf())).toBe('OFFSET_MISMATCH');
  });

  it('reports failures instead, if that is wished', async () => {
    const reported: string[] = [];
    const handler = functionOf(
      (_event, { producer }) => {
        producer.send({ topic: 'no-such-topic', value: 'lost' });
        return 'fine';
      },
      { onSendFailed: (error, { value }) => void reported.push(`${error.code} ${value}`) },
    );
    expect(await handler({}, contextOf())).toBe('fine');
    expect(reported).toEqual(['UNKNOWN_TOPIC_OR_PARTITION lost']);
  });

  it('has what was sent acknowledged when the handler throws, whose error it keeps', async () => {
    const handler = functionOf((_event, { producer }) => {
      producer.send({ topic: 'orders', value: 'before' });
      throw new RangeError('no');
    });
    expect(await failureOf(handler({}, contextOf()))).toBeInstanceOf(RangeError);
    expect(await values('orders')).toEqual(['before']);
  });

  it('says both when the handler throws and a record failed', async () => {
    const handler = functionOf((_event, { producer }) => {
      producer.send({ topic: 'no-such-topic', value: 'lost' });
      throw new RangeError('no');
    });
    const error = await failureOf(handler({}, contextOf()));
    expect(error.message).toContain('the handler failed, too: RangeError: no');
    expect(error.cause).toBeInstanceOf(RangeError);
  });

  it('answers when a record is certain that enters its topic later', async () => {
    const deliverAt = new Date(clock.nowMs() + 3_600_000);
    const handler = functionOf((_event, { producer }) => {
      producer.send({ topic: 'bills', key: 'k', value: 'later', deliverAt });
      producer.send({ topic: 'bills', value: 'now' });
    });
    await handler({}, contextOf());
    const waiting = await bench.millrace.delayed.list({ topic: 'bills' });
    expect(waiting.map(({ topic, dueMs }) => [topic, dueMs])).toEqual([['bills', deliverAt.getTime()]]);
    expect(await values('bills')).toEqual(['now']);
  });

  it('gives the handler the id of a record that enters its topic later', async () => {
    const handler = functionOf(async (_event, { producer }) => {
      const { id } = await producer.send({ topic: 'bills', value: 'never', delay: '1h' });
      return bench.millrace.delayed.cancel(id);
    });
    expect(await handler({}, contextOf())).toBe('cancelled');
  });

  it('fails when it is not known whether a delayed record waits', async () => {
    const put = () => Promise.reject(new UnansweredError('no answer came'));
    const store = { ...bench.store, dueRecords: { ...bench.store.dueRecords, put } };
    const handler = functionOf(
      (_event, { producer }) => void producer.send({ topic: 'bills', value: 'later', delay: '1h' }),
      { store },
    );
    const context = contextOf(3_000);
    const error = await failureOf(handler({}, context));
    expect(error.code).toBe('COMMIT_UNKNOWN');
    expect(context.getRemainingTimeInMillis()).toBeGreaterThan(0);
  });

  it('starts anew after an invocation that failed', async () => {
    const handler = functionOf((event, { producer }) => {
      for (const topic of event as string[]) producer.send({ topic, value: topic });
    });
    await failureOf(handler(['no-such-topic', 'orders'], contextOf()));
    await handler(['orders'], contextOf());
    expect(await values('orders')).toEqual(['orders', 'orders']);
  });

  it('keeps invocations apart that run at the same time', async () => {
    const handler = functionOf(async (event, { producer }) => {
      const { name, isBad } = event as { name: string; isBad: boolean };
      await producer.send({ topic: 'orders', partition: 0, value: `${name} first` });
      // Behind one that is refused nothing of its producer stands in the log.
      if (isBad) producer.send({ topic: 'orders', partition: 0, value: 'bad', expectedOffset: 0n });
      producer.send({ topic: 'orders', partition: 0, value: `${name} second` });
      await clock.sleep(5);
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, (_one, index) => handler({ name: `${index}`, isBad: index === 3 }, contextOf())),
    );
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, true, true]);
    const written = await values('orders');
    for (const index of [0, 1, 2, 4, 5]) expect(written).toContain(`${index} second`);
  });

  it('names what is not acknowledged when the time is nearly over, and that it may be there', async () => {
    let isHanging = true;
    const { commit } = bench.store.heads;
    const heads: Partial<Heads> = {
      commit: (...args) => (isHanging ? new Promise(() => {}) : commit.apply(bench.store.heads, args)),
    };
    const handler = functionOf(
      (_event, { producer }) => {
        producer.send({ topic: 'orders', key: 'ada', value: 'x' });
      },
      { store: withHeads(bench.store, heads) },
    );
    const error = await failureOf(handler({}, contextOf(2_000)));
    expect(error.code).toBe('COMMIT_UNKNOWN');
    expect(error.message).toBe('1 of 1 record was not acknowledged: 1 to orders (still under way, may be in the log)');
    expect(error.value).toEqual([{ index: 0, topic: 'orders', key: 'ada', code: 'COMMIT_UNKNOWN' }]);
    isHanging = false;
    // Whatever hangs of the last one, the next has a producer of its own.
    await handler({}, contextOf());
    expect(await values('orders')).toEqual(['x']);
  });

  it('lets go early while the handler still works', async () => {
    let isSeen = false;
    // Of 20 seconds 18 are over at once; the last 2 take as long as they do.
    const hurried = {
      ...clock,
      sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms < 18_500 ? 5 : ms, signal),
    };
    const handler = functionOf(
      async (_event, { producer }) => {
        producer.send({ topic: 'orders', value: 'x' });
        await bench.until('it is in the log', async () => (await values('orders')).length === 1);
        isSeen = true;
      },
      { clock: hurried },
    );
    await handler({}, contextOf(20_000));
    expect(isSeen).toBe(true);
  });

  it('holds records back until the handler is done, unless somebody waits for one', async () => {
    const seen: unknown[] = [];
    const handler = functionOf(async (_event, { producer }) => {
      producer.send({ topic: 'orders', value: 'held' });
      await clock.sleep(20);
      seen.push(await values('orders'));
      await producer.sendAll([{ topic: 'bills', value: 'awaited' }]);
      seen.push(await values('orders'));
    });
    await handler({}, contextOf());
    expect(seen).toEqual([[], ['held']]);
  });

  it('refuses what is sent when its handler is done', async () => {
    let kept: InvocationProducer | undefined;
    const handler = functionOf((_event, { producer }) => {
      kept = producer;
    });
    await handler({}, contextOf());
    const error = await failureOf(kept!.send({ topic: 'orders', value: 'x' }));
    expect(error.code).toBe('CLOSED');
    expect(await values('orders')).toEqual([]);
  });

  it('has nothing under way when it has answered, rolls included', async () => {
    let underWay = 0;
    const counting = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]) => {
            underWay += 1;
            await clock.sleep(1);
            return Promise.resolve(value.apply(target, args)).finally(() => {
              underWay -= 1;
            });
          };
        },
      });
    const { heads, chunks, topics, objects } = bench.store;
    const store = {
      ...bench.store,
      heads: counting(heads),
      chunks: counting(chunks),
      topics: counting(topics),
      objects: counting(objects),
    };
    const handler = functionOf(
      async (_event, { producer }) => {
        for (let count = 0; count < 20; count++) await producer.send({ topic: 'bills', value: 'x'.repeat(500) });
      },
      { store },
    );
    await handler({}, contextOf());
    expect(underWay).toBe(0);
  });
});

describe('a function that sends more than it may hold', () => {
  it('goes on when it waits for room, although nothing of what it sent is due', async () => {
    const bufferMemoryBytes = 16 * 1024;
    const handler = producerHandler(
      async (_event: unknown, { producer }) => {
        // What is left takes the second record, but not what its batch costs.
        producer.send({
          topic: 'orders',
          partition: 0,
          value: 'x'.repeat(bufferMemoryBytes - OPEN_BATCH_BYTES - 1_600),
        });
        producer.send({ topic: 'orders', partition: 1, value: 'y' });
        await producer.room();
        for (let count = 0; count < 100; count++) {
          await producer.room();
          producer.send({ topic: 'orders', partition: count % 3, value: 'z'.repeat(1_000) });
        }
      },
      { store: bench.store, bufferMemoryBytes },
    );
    const context = contextOf(20_000);
    await handler({}, context);
    expect(await values('orders')).toHaveLength(102);
    // Not by the end of its time, when nothing is held back any more.
    expect(context.getRemainingTimeInMillis()).toBeGreaterThan(2_000);
  });
});

describe('a function whose commits are never answered', () => {
  it('finds out in time that nothing is in the log', async () => {
    const heads: Partial<Heads> = { commit: () => Promise.reject(new UnansweredError('no answer came')) };
    const handler = producerHandler(
      (_event: unknown, { producer }) => {
        producer.send({ topic: 'orders', value: 'x' });
      },
      // The shortest waits between two attempts.
      { store: withHeads(bench.store, heads), random: { ...random, fraction: () => 0 } },
    );
    const error = await failureOf(handler({}, contextOf(2_000)));
    expect(error.code).toBe('NOT_COMMITTED');
    expect(error.message).toContain('1 to orders (not in the log');
    expect(await values('orders')).toEqual([]);
  });
});

describe('the options of a function that produces', () => {
  it('are checked when it is loaded', () => {
    const make = (options: object) => () => millraceProducer(options as ProduceOptions);
    expect(make({ lingerMS: 5 })).toThrow('a producer has no option lingerMS');
    expect(make({ reserveMs: -1 })).toThrow('the option reserveMs cannot be -1');
    expect(make({ acks: 0 })).toThrow('a function waits for all of its records');
  });

  it('take serializers', async () => {
    const handler = producerHandler(
      (_event: unknown, { producer }) => {
        producer.send({ topic: 'orders', value: { total: 5 } });
      },
      { store: bench.store, valueSerializer: serdes.json<{ total: number }>() },
    );
    await handler({}, contextOf());
    expect(await values('orders')).toEqual(['{"total":5}']);
  });

  it('need a store', async () => {
    const handler = producerHandler(() => 'never');
    expect(await failureOf(handler({}, contextOf()))).toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('a handler that hangs is told from one that is done, before its time is over', async () => {
    const handler = producerHandler(
      async (_event: unknown, { producer }) => {
        producer.send({ topic: 'orders', value: 'x' });
        await new Promise(() => {});
      },
      { store: bench.store },
    );
    expect(await failureOf(handler({}, contextOf(1_500)))).toMatchObject({ code: 'REQUEST_TIMED_OUT' });
    expect(await values('orders')).toEqual(['x']);
  });
});
