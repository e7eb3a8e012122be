/** A record's age counted from when it came to a retry topic: with three delays it could be handled hours behind its maximum age. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { agesSinceMs, FAILURE_HEADERS } from '../../lib/event-source/failed-record.ts';
import { eventAt } from './event-fixtures.ts';
import { type EventSourceBench, openBench } from './event-source-bench.ts';

let bench: EventSourceBench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const headersOf = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).map(([key, text]) => ({ key, value: Buffer.from(text) }));

const ORIGIN = {
  [FAILURE_HEADERS.topic]: 'orders',
  [FAILURE_HEADERS.partition]: '0',
  [FAILURE_HEADERS.offset]: '7',
  [FAILURE_HEADERS.timestampMs]: '1000',
};

it('counts from the record’s own time, or from when it was sent back', () => {
  expect(agesSinceMs(eventAt(3, { timestampMs: 9_000n }))).toBe(9_000n);
  expect(agesSinceMs(eventAt(3, { timestampMs: 9_000n, headers: headersOf(ORIGIN) }))).toBe(1_000n);
  const headers = headersOf({ ...ORIGIN, [FAILURE_HEADERS.redrives]: '0' });
  expect(agesSinceMs(eventAt(3, { timestampMs: 9_000n, headers }))).toBe(1_000n);
  const sentBack = headersOf({ ...ORIGIN, [FAILURE_HEADERS.redrives]: '1' });
  expect(agesSinceMs(eventAt(3, { timestampMs: 9_000n, headers: sentBack }))).toBe(9_000n);
});

it('ends what is too old in its retry topic, but not what was sent back', async () => {
  bench.functions.set('bill', () => undefined);
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 });
  const options = { retryDelaysMs: [1_000], maxRecordAgeMs: 60_000 };
  await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  bench.start();
  const producer = bench.millrace.producer();
  const topic = 'billing.retry-1';
  const failed = { ...ORIGIN, [FAILURE_HEADERS.group]: 'billing', [FAILURE_HEADERS.attempts]: '1' };
  await producer.send({ topic, value: 'too old', headers: failed });
  await producer.send({ topic, value: 'sent back', headers: { ...failed, [FAILURE_HEADERS.redrives]: '1' } });
  await bench.until('one is dead', async () => (await bench.deadLetters.list('billing')).length === 1);
  await bench.until('the other is handled', () => bench.calls.length === 1);
  expect(bench.calls).toMatchObject([{ values: ['sent back'] }]);
  expect(await bench.deadLetters.list('billing')).toMatchObject([
    { reason: 'MaximumRecordAgeExceeded', attempts: 1, origin: { topic: 'orders', offset: 7n } },
  ]);
});

it('believes no header of a topic that anybody may write to', async () => {
  bench.functions.set('bill', () => undefined);
  await bench.millrace.topics.createTopic({ name: 'orders', partitionCount: 1 });
  const options = { maxRecordAgeMs: 60_000 };
  await bench.subscriptions.create({ name: 'billing', topic: 'orders', target: 'bill', options });
  bench.start();
  await bench.millrace.producer().send({ topic: 'orders', value: 'a', headers: ORIGIN });
  await bench.until('it is handled', () => bench.calls.length === 1);
});
