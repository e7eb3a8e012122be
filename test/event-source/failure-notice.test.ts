import { describe, expect, it } from 'vitest';
import type { DeadRecord } from '../../lib/event-source/event-source-deps.ts';
import { FAILURE_HEADERS, failedRecord } from '../../lib/event-source/failed-record.ts';
import { failureNotice } from '../../lib/event-source/failure-notice.ts';
import type { FunctionSubscription } from '../../lib/event-source/function-subscription.ts';
import { eventAt, optionsOf } from './event-fixtures.ts';

const subscription: FunctionSubscription = {
  group: 'billing.retry-1',
  topic: 'billing.retry-1',
  topicId: 'f0e1',
  domain: 'shared',
  version: 0,
  target: 'bill',
  options: optionsOf(),
  retry: { of: 'billing', tier: 1 },
};
const dead = (changes: Partial<DeadRecord> = {}): DeadRecord => ({
  record: eventAt(42),
  reason: 'RetryAttemptsExhausted',
  failures: 2,
  error: 'RangeError: no',
  stack: '',
  ...changes,
});
const told = (of: DeadRecord, payloadTopic: string | null = null) =>
  failureNotice(subscription, of, { group: 'billing', nowMs: 1_764_000_001_000, payloadTopic });

/** What SQS takes. Source: SendMessage in its API reference. */
const isTaken = (code: number) =>
  [0x9, 0xa, 0xd].includes(code) ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  code >= 0x10000;

describe('a notice of a record that was given up', () => {
  it('speaks of a record that was in retry topics as of what it was first', () => {
    const first = failedRecord(dead({ record: eventAt(42, { topic: 'orders', partition: 3 }) }), 'billing', {
      nowMs: 0,
      dueMs: 5,
    });
    const again = eventAt(0, { topic: 'billing.retry-1', headers: first.headers });
    const { topic, partition, offset, body } = told(dead({ record: again }));
    expect({ topic, partition, offset }).toEqual({ topic: 'orders', partition: 3, offset: 42n });
    const notice = JSON.parse(body);
    expect(notice.requestContext).toMatchObject({ requestId: 'orders-3-42', approximateInvokeCount: 4 });
    const [record] = JSON.parse(notice.payload).records['orders-3'];
    expect(record).toMatchObject({ topic: 'orders', partition: 3, offset: 42, headers: [] });
    expect(body).not.toContain(FAILURE_HEADERS.dueMs);
  });

  it('names the topic that has the record where it cannot have it itself', () => {
    const notice = JSON.parse(told(dead(), 'billing.dlq').body);
    expect(notice).toMatchObject({ payloadTopic: 'billing.dlq' });
    expect(notice).not.toHaveProperty('payload');
  });

  it('is made of characters that SQS takes, whatever a function throws', () => {
    const { body } = told(dead({ error: '\u0000\u000b\ud800 \ufffe\uffff 😀' }));
    expect([...body].filter((one) => !isTaken(one.codePointAt(0)!))).toEqual([]);
    expect(JSON.parse(body).responseContext.functionError).toBe('\u0000\u000b\ud800 \ufffe\uffff 😀');
  });

  it('bears any timestamp, and a long error', () => {
    const timestampMs = 9_223_372_036_854_775_807n;
    const { body } = told(dead({ record: eventAt(1, { timestampMs }), error: 'x'.repeat(5_000_000) }));
    expect(body.length).toBeLessThan(3_000);
  });

  it('has no answer of the function where there was none', () => {
    expect(
      JSON.parse(told(dead({ reason: 'MaximumPayloadSizeExceeded', failures: 0 })).body).responseContext,
    ).toBeNull();
  });
});
