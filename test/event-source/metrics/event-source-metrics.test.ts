/** Each metric by what it is to tell: a source with functions on a store in memory, whose news are counted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../../lib/clock.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { EventSourceMetrics, type MetricReport } from '../../../lib/event-source/metrics/event-source-metrics.ts';
import { METRICS, type MetricName } from '../../../lib/event-source/metrics/metric-names.ts';
import { metricsOf } from '../../../lib/event-source/metrics/metrics-of-news.ts';
import type { SubscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { sweepSubscriptions } from '../../../lib/event-source/sweeper.ts';
import { pullHandler, serdes } from '../../../lib/middleware/index.ts';
import { type EventSourceBench, openBench, type TestFunction } from '../event-source-bench.ts';

let bench: EventSourceBench;
beforeEach(async () => {
  bench = openBench();
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
});
afterEach(() => bench.close());

async function send(...values: readonly string[]) {
  const producer = bench.millrace.producer();
  await producer.sendAll(values.map((value) => ({ topic: 'orders', partition: 1, value })));
  await producer.close();
}

async function subscribe(handler: TestFunction, options: Partial<SubscriptionOptions> = {}) {
  bench.functions.set('bill', handler);
  await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
}

const committed = async (offset: bigint) =>
  (await bench.subscriptions.describe('billing')).partitions[1]!.committed === offset;

/** What was told in all: sums, and values. */
function counted(news = bench.news): Partial<Record<MetricName, readonly number[]>> {
  const reports: MetricReport[] = [];
  const metrics = new EventSourceMetrics({ writer: { write: (one) => void reports.push(one) }, clock });
  for (const one of news) if (one.group === 'billing') metrics.onNews(one);
  metrics.flush();
  return Object.fromEntries(reports[0]?.values ?? []);
}

describe('the metrics of a subscription', () => {
  it('count what is read, given and committed, and how old and how far behind it was', async () => {
    await subscribe(() => undefined, { batchSize: 2 });
    await send('a', 'b', 'c');
    bench.start();
    await bench.until('all are committed', () => committed(3n));
    const { IteratorAge, OffsetLag, ...sums } = counted();
    expect(sums).toEqual({
      PolledEventCount: [3],
      InvokedEventCount: [3],
      FailedInvokeEventCount: [0],
      InvokeErrorCount: [0],
      CommittedEventCount: [3],
    });
    expect(IteratorAge).toHaveLength(2);
    for (const ageMs of IteratorAge!) expect(ageMs).toBeLessThan(30_000);
    expect(OffsetLag).toEqual([1, 0]);
  });

  it('count what filters leave out', async () => {
    await subscribe(() => undefined, { filters: [{ value: ['a'] }] });
    await send('a', 'b', 'c', 'a');
    bench.start();
    await bench.until('all are committed', () => committed(4n));
    expect(counted()).toMatchObject({ PolledEventCount: [4], FilteredOutEventCount: [2], InvokedEventCount: [2] });
  });

  it('count what fails as a whole, each time, and what reaches the destination', async () => {
    await subscribe(
      () => {
        throw new RangeError('no');
      },
      { bisectBatchOnError: false, retryAttempts: 0 },
    );
    await send('a', 'b');
    bench.start();
    await bench.until('all are committed', () => committed(2n));
    expect(counted()).toMatchObject({
      InvokedEventCount: [2],
      FailedInvokeEventCount: [2],
      InvokeErrorCount: [1],
      OnFailureDestinationDeliveredEventCount: [2],
    });
    expect(counted()).not.toHaveProperty('DroppedEventCount');
  });

  it('count what is given up without a destination as dropped, and what is to be given later as retried', async () => {
    const options = { reportBatchItemFailures: true, retryAttempts: 0, onFailure: null } as const;
    const failSecond: TestFunction = (records) => ({
      batchItemFailures: records
        .filter(({ value }) => value === 'bad')
        .map(({ topic, partition, offset }) => ({ itemIdentifier: { partition: `${topic}-${partition}`, offset } })),
    });
    await subscribe(failSecond, options);
    await send('fine', 'bad', 'fine');
    bench.start();
    await bench.until('all are committed', () => committed(3n));
    // The last is given again, because it stands behind the one that failed.
    expect(counted()).toMatchObject({
      InvokedEventCount: [4],
      FailedInvokeEventCount: [1],
      InvokeErrorCount: [0],
      DroppedEventCount: [1],
    });
    await bench.subscriptions.update('billing', { retryDelaysMs: [60_000], retryAttempts: 0 });
    await send('bad');
    await bench.until('it is committed', () => committed(4n));
    expect(counted()).toMatchObject({ DroppedEventCount: [1], RetriedEventCount: [1] });
  });

  it('count a function that cannot be called', async () => {
    await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'nowhere' });
    await send('a', 'b');
    bench.start();
    await bench.until('it is told', () => bench.news.some(({ kind }) => kind === 'throttled'));
    expect(counted()).toMatchObject({ FailedInvokeEventCount: [2], InvokeErrorCount: [1] });
    expect(counted()).not.toHaveProperty('InvokedEventCount');
  });

  it('count what a destination refuses, and drop nothing', async () => {
    await subscribe(
      () => {
        throw new RangeError('no');
      },
      { retryAttempts: 0 },
    );
    await bench.millrace.topics.deleteTopic('billing.dlq');
    await send('a');
    bench.start();
    await bench.until('it is told', () => bench.news.some(({ kind }) => kind === 'destination-failed'));
    expect(counted()).toMatchObject({ OnFailureDestinationDeliveryErrorCount: [1] });
    expect(counted()).not.toHaveProperty('DroppedEventCount');
    expect(counted()).not.toHaveProperty('OnFailureDestinationDeliveredEventCount');
  });

  it('count what is gone before it is read', async () => {
    await subscribe(() => undefined);
    await send('a', 'b', 'c');
    await bench.millrace.topics.trimPartition('orders', 1, 'end');
    await send('d');
    bench.start();
    await bench.until('all are committed', () => committed(4n));
    expect(counted()).toMatchObject({ SkippedEventCount: [3], PolledEventCount: [1], CommittedEventCount: [4] });
  });

  it('count what cannot be read, and who commits too late', () => {
    const at = { group: 'billing', partition: { topicId: 't', partition: 0 } };
    expect(metricsOf({ ...at, kind: 'unreadable', error: 'lost', untilMs: 1 })).toEqual([['PollingErrorCount', 1]]);
    expect(metricsOf({ ...at, kind: 'fenced' })).toEqual([['CommitErrorCount', 1]]);
  });

  it('are those of the function itself where it pulls, and are handed over when its call ends', async () => {
    const reports: MetricReport[] = [];
    const metrics = new EventSourceMetrics({ writer: { write: (one) => void reports.push(one) }, clock });
    const handler = pullHandler(
      async ({ records }) => {
        if (records.some(({ value }) => value === 3)) throw new RangeError('three');
      },
      { store: bench.store, valueDeserializer: serdes.json<number>(), metrics },
    );
    bench.pullers.set('bill', (event) => handler(event, {}) as Promise<unknown>);
    const options = { mode: 'pull', ordering: 'none', retryAttempts: 0, batchSize: 2 } as const;
    await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
    await send('1', '{', '3', '4');
    bench.start();
    await bench.until('all are committed', () => committed(4n));
    const sums: Partial<Record<MetricName, number>> = {};
    for (const { values } of reports) {
      for (const [name, list] of values) sums[name] = (sums[name] ?? 0) + list.reduce((sum, one) => sum + one, 0);
    }
    // 3 and 4 fail as a batch, which is cut: 3 fails alone, and 4 is handled.
    expect(sums).toMatchObject({
      PolledEventCount: 4,
      SchemaRegistryErrorCount: 1,
      InvokedEventCount: 1 + 2 + 1 + 1,
      FailedInvokeEventCount: 2 + 1,
      InvokeErrorCount: 2,
      OnFailureDestinationDeliveredEventCount: 2,
      CommittedEventCount: 4,
    });
    // What the host hears from the answer, in which what could not be understood has failed like the rest.
    expect(counted(bench.news.filter(({ kind }) => kind === 'pulled'))).toMatchObject({ InvokedEventCount: [6] });
  });

  it('tell at each sweep how far it is behind, in records, in time and in which partition', async () => {
    await subscribe(() => undefined, { enabled: true });
    await send('a', 'b', 'c');
    const deps = { store: bench.store, clock, random: { bytes: (n: number) => new Uint8Array(n), fraction: () => 0 } };
    const { lags } = await sweepSubscriptions(deps, { wake: async () => {} });
    const lag = lags.get('billing')!;
    expect(lag).toMatchObject({ records: 3n, maxRecords: 3n, furthest: 1 });
    expect(lag.maxMs).toBeLessThan(30_000);
    const reports: MetricReport[] = [];
    const metrics = new EventSourceMetrics({ writer: { write: (one) => void reports.push(one) }, clock });
    metrics.onLag('billing', lag);
    metrics.flush();
    expect(Object.fromEntries(reports[0]!.values)).toEqual({
      MaxOffsetLag: [3],
      SumOffsetLag: [3],
      MaxTimeLag: [lag.maxMs],
    });
    expect((await bench.subscriptions.describe('billing')).lag).toMatchObject({ records: 3n, furthest: 1 });
  });

  it('are swept although the time of a record cannot be looked up', async () => {
    await subscribe(() => undefined);
    await send(...Array.from({ length: 10 }, (_, n) => `${n}`));
    for (let n = 0; n < 20; n++) await send('more');
    const lost = async () => {
      throw new MillraceError('CORRUPT_OBJECT', 'lost');
    };
    const store = { ...bench.store, chunks: { ...bench.store.chunks, query: lost } };
    const deps = { store, clock, random: { bytes: (n: number) => new Uint8Array(n), fraction: () => 0 } };
    const { lags, woken } = await sweepSubscriptions(deps, { wake: async () => {} });
    expect(woken).toHaveLength(1);
    expect(lags.get('billing')).toMatchObject({ records: 0n, furthest: null });
  });
});

describe('gathered metrics', () => {
  const at = { group: 'billing', partition: { topicId: 't', partition: 3 } };
  const invoked = { ...at, kind: 'invoked', records: 2, failed: 0, durationMs: 1, ageMs: 7, error: '' } as const;

  const gather = (perPartition: boolean) => {
    const reports: MetricReport[] = [];
    const writer = { write: (one: MetricReport) => void reports.push(one) };
    return { reports, metrics: new EventSourceMetrics({ writer, clock, perPartition }) };
  };

  it('are handed over once', () => {
    const { metrics, reports } = gather(false);
    metrics.onNews(invoked);
    metrics.flush();
    metrics.flush();
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({ subscription: 'billing', partition: null });
  });

  it('tell partitions apart where that was asked for', () => {
    const { metrics, reports } = gather(true);
    metrics.onNews(invoked);
    metrics.onNews({ ...invoked, partition: { topicId: 't', partition: 4 } });
    metrics.flush();
    expect(reports.map(({ partition }) => partition)).toEqual([3, 4]);
  });

  it('never hold more than a hundred values of one name', () => {
    const { metrics, reports } = gather(false);
    for (let n = 0; n < 250; n++) metrics.onNews(invoked);
    metrics.flush();
    expect(reports.map(({ values }) => values.get('IteratorAge')!.length)).toEqual([100, 100, 50]);
    const sum = reports.reduce((total, { values }) => total + values.get('InvokedEventCount')![0]!, 0);
    expect(sum).toBe(500);
  });

  it('have each a test here', async () => {
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(new URL(import.meta.url), 'utf8');
    for (const name of Object.keys(METRICS)) expect(text, name).toContain(name);
  });
});
