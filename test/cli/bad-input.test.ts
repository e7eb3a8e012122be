/**
 * What goes wrong with functions, and what becomes of the records: each has one outcome, a line in the log that says why, and no record is lost. Everything runs as `millrace dev` runs it, in processes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type EventSourceBench, openBench } from '../event-source/event-source-bench.ts';
import { type CliStage, cliStage, type Ended } from './cli-stage.ts';
import { MISBEHAVING_FUNCTIONS } from './misbehaving-functions.ts';

const MIDDLEWARE = new URL('../../lib/middleware/index.ts', import.meta.url).href;
/** Feeds itself. */
const LOOP = `import { producerHandler } from '${MIDDLEWARE}';
export const handler = producerHandler((event, { producer }) => void producer.send({ topic: 'orders', value: 'round' }));`;

const HANDLERS: Readonly<Record<string, string>> = {
  'answers nonsense': 'nonsense',
  'answers identifiers of others': 'strangers',
  'answers more than 6 MB': 'large',
};

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1_500 && !(await isSo()); turn++) await systemClock.sleep(20);
  expect(await isSo()).toBe(true);
}

describe('under millrace dev,', () => {
  let stage: CliStage;
  let stop: AbortController;
  let running: Promise<Ended> | null;
  let output: string;

  beforeEach(async () => {
    stage = await cliStage();
    stop = new AbortController();
    running = null;
    output = '';
    mkdirSync(join(stage.directory, 'functions'));
    writeFileSync(join(stage.directory, 'functions/bad.mjs'), MISBEHAVING_FUNCTIONS);
    writeFileSync(join(stage.directory, 'functions/loop.mjs'), LOOP);
  });
  afterEach(async () => {
    stop.abort('SIGINT');
    if (running !== null) expect(await running).toMatchObject({ status: 0, complaint: '' });
  });

  /** Starts it with one function, and one subscription of its topic. */
  async function start(of: { readonly handler?: string; readonly file?: string; readonly options?: object }) {
    const { handler = 'handler', file = 'bad', options = {} } = of;
    const timeout = ['hangs', 'spins'].includes(handler) ? '1s' : '20s';
    const config = {
      topics: { orders: {} },
      functions: { bill: { file: `functions/${file}.mjs`, handler, timeout, memoryMb: 512 } },
      subscriptions: { billing: { topic: 'orders', function: 'bill', retryAttempts: 0, ...options } },
    };
    const path = join(stage.directory, 'millrace.json');
    writeFileSync(path, JSON.stringify(config));
    const onOutput = (chunk: Buffer) => {
      output += chunk.toString();
      return undefined;
    };
    const args = ['dev', '--http-port', '0', '--data', join(stage.directory, 'store'), '--config', path];
    running = stage.run(args, { interrupts: stop.signal, onOutput });
    await until(() => output.includes('functions'));
  }

  const produce = (...values: readonly string[]) =>
    stage.ok(['produce', 'orders'], { stdin: values.map((value) => `${value}\n`).join('') });
  const said = (text: string | RegExp) =>
    until(() => (typeof text === 'string' ? output.includes(text) : text.test(output)));
  const letters = async () =>
    (await stage.json(['dlq', 'list', 'billing'])) as readonly {
      readonly value: string;
      readonly error: string;
      readonly reason: string;
    }[];
  const partition = async () => {
    const { partitions } = (await stage.json(['subscription', 'describe', 'billing'])) as {
      readonly partitions: readonly { readonly committed: number; readonly lag: number; readonly error: string }[];
    };
    return partitions[0]!;
  };

  it.each([
    ['throws', 'RangeError: no such account'],
    ['hangs', 'Sandbox.Timedout: Task timed out after 1.00 seconds'],
    ['spins', 'Sandbox.Timedout: Task timed out after 1.00 seconds'],
    ['exits', 'Runtime.ExitError: Runtime exited with error: exit status 7'],
    ['answers nonsense', `the function's answer makes no sense: it is no object: "all is well"`],
    [
      'answers identifiers of others',
      `the function's answer makes no sense: its itemIdentifier {"partition":"elsewhere-0","offset":99} is not in the batch`,
    ],
    ['answers more than 6 MB', 'Function.ResponseSizeTooLarge: Response payload size (7340034 bytes) exceeded'],
  ])('a handler has its record among the dead letters that %s', async (what, error) => {
    await start({ handler: HANDLERS[what] ?? what, options: { reportBatchItemFailures: true } });
    await produce('ten');
    await said(`billing-0: gave up 1: ${error}`);
    expect(output).toMatch(/billing-0: 1 record in \d+ ms, 1 failed: /);
    await until(async () => (await partition()).lag === 0);
    expect(await letters()).toMatchObject([{ value: 'ten', error: expect.stringContaining(error) }]);
  });

  it('a poison record alone is given up, and its neighbours are handled', async () => {
    await start({ handler: 'poisoned' });
    await produce('one', 'two', 'poison', 'four', 'five');
    await said('billing-0: gave up 1: Runtime.ExitError: Runtime exited with error: exit status 9');
    await until(async () => (await partition()).lag === 0);
    for (const value of ['one', 'two', 'four', 'five']) await said(`handled ${value}`);
    expect(await letters()).toMatchObject([{ value: 'poison' }]);
  });

  it('a filter that does not parse is refused before anything is made, with what is wrong', async () => {
    await stage.ok(['topic', 'create', 'orders']);
    const args = ['subscription', 'create', 'billing', 'orders', 'bill', '--filter'];
    expect(await stage.failure([...args, '{"value":{"n":5}}'])).toMatchObject({ code: 'INVALID_CONFIG' });
    expect(await stage.failure([...args, '{"value":{"n":[{"numeric":["<"]}]}}'])).toMatchObject({
      code: 'INVALID_CONFIG',
    });
    expect(await stage.json(['topic', 'list'])).toEqual(['orders']);
  });

  it('a subscription to a topic that is not there is refused, with the nearest name', async () => {
    await stage.ok(['topic', 'create', 'orders']);
    const args = ['subscription', 'create', 'billing', 'order', 'bill'];
    expect(await stage.failure(args)).toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      hint: expect.stringContaining('orders'),
    });
  });

  it('a topic that is deleted under its subscription is told', async () => {
    await start({ handler: 'works' });
    await produce('one');
    await said('handled one');
    await stage.ok(['topic', 'delete', 'orders']);
    await said('billing: topic orders is gone: nothing is given; delete the subscription, or make it again');
  });

  it('a function that is not there leaves its records where they are', async () => {
    await start({ handler: 'works', options: { function: 'bil' } });
    await produce('one');
    await said('billing-0: not called: there is no function bil: there are bill');
    expect(await partition()).toMatchObject({
      committed: 0,
      lag: 1,
      error: expect.stringContaining('no function bil'),
    });
    expect(await letters()).toEqual([]);
  });

  it('a destination that is missing has its records wait', async () => {
    await start({ handler: 'throws', options: { onFailure: 'topic:graveyard' } });
    await stage.ok(['topic', 'delete', 'graveyard']);
    await produce('ten');
    await said('billing: dead letters cannot be written: ');
    expect(await partition()).toMatchObject({ committed: 0, lag: 1 });
    expect(output).not.toContain('gave up');
  });

  it('a destination that is too small has its records wait', async () => {
    await stage.ok(['topic', 'create', 'graveyard', '--config', 'max.message.bytes=200']);
    await start({ handler: 'throws', options: { onFailure: 'topic:graveyard' } });
    await produce('x'.repeat(300));
    await said('billing: dead letters cannot be written: ');
    await until(async () => (await partition()).error !== '');
    expect(await partition()).toMatchObject({ committed: 0, lag: 1 });
  });

  it('a record as large as its topic takes has room among the dead letters', async () => {
    await start({ handler: 'throws' });
    const value = 'x'.repeat(1_048_000);
    await produce(value);
    await said('billing-0: gave up 1: RangeError: no such account');
    expect((await letters()).map((letter) => letter.value.length)).toEqual([value.length]);
  });

  it('a loop of topics ends after sixteen functions', async () => {
    await start({ file: 'loop' });
    await produce('first');
    await said('billing-0: gave up 1: the record has come through 16 functions: topics feed each other in a loop');
    await until(async () => (await partition()).lag === 0);
    expect(await letters()).toMatchObject([{ value: 'round', reason: 'MaximumHopsExceeded' }]);
    expect(await partition()).toMatchObject({ committed: 17 });
  });
});

describe('a clock that jumps', () => {
  let bench: EventSourceBench;
  let skewMs: number;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs };
  const HOUR_MS = 3_600_000;

  beforeEach(async () => {
    skewMs = 0;
    bench = openBench({ clock });
    await bench.millrace.topics.createTopic({ name: 'orders' });
  });
  afterEach(() => bench.close());

  const send = async (...values: readonly string[]) => {
    const producer = bench.millrace.producer();
    for (const value of values) await producer.send({ topic: 'orders', value });
    await producer.close();
  };
  const subscribe = (options: object = {}) =>
    bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  const committed = async () => Number((await bench.subscriptions.describe('billing')).partitions[0]!.committed);
  const caughtUp = (count: number) => bench.until('all is committed', async () => (await committed()) === count);

  it('back by an hour has what waits given when its time has passed all the same', async () => {
    let calls = 0;
    bench.functions.set('bill', () => {
      calls += 1;
      if (calls > 1) return undefined;
      throw new Error('not yet');
    });
    await subscribe();
    await send('a');
    bench.start();
    await bench.until('it waits', () => bench.news.some(({ kind }) => kind === 'waiting'));
    skewMs = -HOUR_MS;
    await caughtUp(1);
    expect(calls).toBe(2);
  });

  it('forward by an hour may have a batch given twice, and nothing committed by the one that was overtaken', async () => {
    const seen: (string | null)[] = [];
    let release = () => {};
    bench.functions.set('bill', async (records) => {
      seen.push(...records.map(({ value }) => value));
      if (seen.length > 1) return undefined;
      skewMs = HOUR_MS;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return undefined;
    });
    await subscribe({ batchSize: 1 });
    await send('a');
    bench.start();
    await bench.until('it is given', () => seen.length === 1);
    await send('b');
    await caughtUp(2);
    release();
    await bench.until('the first is fenced', () => bench.news.some(({ kind }) => kind === 'fenced'));
    expect(seen).toEqual(['a', 'a', 'b']);
    expect(await committed()).toBe(2);
    expect(await bench.deadLetters.list('billing')).toEqual([]);
  });

  it('forward by an hour has records that are too old by it among the dead letters, with the reason', async () => {
    bench.functions.set('bill', () => undefined);
    await subscribe({ maxRecordAgeMs: 60_000 });
    await send('a');
    skewMs = HOUR_MS;
    bench.start();
    await caughtUp(1);
    expect(await bench.deadLetters.list('billing')).toMatchObject([
      { reason: 'MaximumRecordAgeExceeded', error: 'the record is older than maxRecordAgeMs' },
    ]);
  });

  it('and a destination that comes back is sent what has waited for it', async () => {
    bench.functions.set('bill', () => {
      throw new Error('no');
    });
    await subscribe({ retryAttempts: 0, onFailure: 'topic:graveyard' });
    await bench.millrace.topics.deleteTopic('graveyard');
    await send('a');
    bench.start();
    await bench.until('it is told', () => bench.news.some(({ kind }) => kind === 'destination-failed'));
    await bench.millrace.topics.createTopic({ name: 'graveyard' });
    // A minute has passed by the clock; the next commit has it looked at.
    skewMs = 2 * 60_000;
    await send('b');
    await caughtUp(2);
    expect((await bench.read('graveyard')).map(({ value }) => value)).toEqual(['a', 'b']);
  });
});
