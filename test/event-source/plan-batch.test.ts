import { describe, expect, it } from 'vitest';
import { type BatchPlan, type PlanContext, planBatch, type ReadWindow } from '../../lib/event-source/plan-batch.ts';
import { keyHash, type ReceivedEvent } from '../../lib/event-source/received-event.ts';
import { eventAt, eventsOf, offsetsOf, optionsOf, progressOf } from './event-fixtures.ts';

const NOW_MS = 1_764_000_000_000;

const windowOf = (records: readonly ReceivedEvent[], changes: Partial<ReadWindow> = {}): ReadWindow => ({
  from: records[0]?.gapFrom ?? 0n,
  end: (records.at(-1)?.offset ?? -1n) + 1n,
  records,
  isEnd: true,
  ...changes,
});

const plan = (
  window: ReadWindow,
  { options = {}, ...rest }: Partial<Omit<PlanContext, 'options'>> & { options?: Parameters<typeof optionsOf>[0] } = {},
): BatchPlan =>
  planBatch(window, {
    options: optionsOf(options),
    progress: progressOf(),
    nowMs: NOW_MS,
    matches: () => true,
    dueMs: () => 0,
    isLooping: () => false,
    agesSinceMs: ({ timestampMs }) => timestampMs,
    sizeOf: () => 1,
    maxBytes: 1_000_000,
    ...rest,
  });

const failedAt = (offset: number, notBeforeMs: number, key: number | null = null) => ({
  offset: BigInt(offset),
  failures: 1,
  notBeforeMs,
  key,
});

describe('planBatch', () => {
  it('gives everything up to the size of a batch', () => {
    expect(offsetsOf(plan(windowOf(eventsOf(5, 9))).batch)).toEqual([5, 6, 7, 8]);
    expect(offsetsOf(plan(windowOf(eventsOf(5, 9)), { options: { batchSize: 2 } }).batch)).toEqual([5, 6]);
    const options = { batchSize: 2, parallelizationFactor: 2, ordering: 'none' } as const;
    expect(plan(windowOf(eventsOf(5, 12)), { options }).batch).toHaveLength(4);
  });

  it('wants more where more is there', () => {
    expect(plan(windowOf(eventsOf(5, 9))).wantsMore).toBe(false);
    expect(plan(windowOf(eventsOf(5, 9), { isEnd: false })).wantsMore).toBe(true);
    expect(plan(windowOf(eventsOf(5, 9), { isEnd: false }), { options: { batchSize: 4 } }).wantsMore).toBe(false);
  });

  it('passes gaps, and what the filter leaves out', () => {
    const records = [eventAt(5, { gapFrom: 3n }), eventAt(6), eventAt(9, { gapFrom: 7n })];
    const planned = plan(windowOf(records, { end: 12n }), { matches: ({ offset }) => offset !== 6n });
    expect(offsetsOf(planned.batch)).toEqual([5, 9]);
    expect(planned.filteredCount).toBe(1);
    expect(planned.passed).toEqual([
      { from: 3n, to: 5n },
      { from: 6n, to: 9n },
      { from: 10n, to: 12n },
    ]);
  });

  it('passes all that the filter leaves out side by side as one range', () => {
    const planned = plan(windowOf(eventsOf(5, 1_005)), { matches: ({ offset }) => offset === 500n });
    expect(planned.filteredCount).toBe(999);
    expect(planned.passed).toEqual([
      { from: 5n, to: 500n },
      { from: 501n, to: 1_005n },
    ]);
  });

  it('passes nothing that it did not come to', () => {
    const planned = plan(windowOf(eventsOf(5, 9), { end: 12n }), { options: { batchSize: 2 } });
    expect(planned.passed).toEqual([]);
  });

  it('leaves out what is done', () => {
    const progress = progressOf({ done: [{ from: 6n, to: 8n }] });
    expect(offsetsOf(plan(windowOf(eventsOf(5, 10)), { progress }).batch)).toEqual([5, 8, 9]);
  });

  it('cuts at the most bytes of an event, but never waits for more then', () => {
    const options = { maxBatchingWindowMs: 1_000 };
    const planned = plan(windowOf(eventsOf(5, 9)), { sizeOf: () => 40, maxBytes: 100, options });
    expect(offsetsOf(planned.batch)).toEqual([5, 6]);
    expect(planned.windowSinceMs).toBeNull();
  });

  it('refuses a record that is too large for any event, in its turn', () => {
    const sizeOf = ({ offset }: ReceivedEvent) => (offset === 6n ? 200 : 10);
    const planned = plan(windowOf(eventsOf(5, 9)), { sizeOf, maxBytes: 100 });
    expect(offsetsOf(planned.batch)).toEqual([5]);
    expect(planned.refused).toEqual([]);
    const next = plan(windowOf(eventsOf(6, 9)), { sizeOf, maxBytes: 100 });
    expect(next.refused).toMatchObject([{ record: { offset: 6n }, reason: 'MaximumPayloadSizeExceeded' }]);
  });

  it('refuses a record that is too old', () => {
    const old = eventAt(5, { timestampMs: BigInt(NOW_MS - 60_001) });
    const planned = plan(windowOf([old, ...eventsOf(6, 8)]), { options: { maxRecordAgeMs: 60_000 } });
    expect(planned.refused).toMatchObject([{ record: { offset: 5n }, reason: 'MaximumRecordAgeExceeded' }]);
    expect(offsetsOf(planned.batch)).toEqual([6, 7]);
  });
});

describe('a record of a retry topic', () => {
  it('is not given before it is due, and nothing behind it', () => {
    const dueMs = ({ offset }: ReceivedEvent) => NOW_MS + Number(offset) * 100 - 700;
    const planned = plan(windowOf(eventsOf(5, 10)), { dueMs, options: { ordering: 'none' } });
    expect(offsetsOf(planned.batch)).toEqual([5, 6, 7]);
    expect(planned).toMatchObject({ notBeforeMs: NOW_MS + 100, passed: [] });
  });
});

describe('a record that failed', () => {
  it('stops its partition until it is time', () => {
    const progress = progressOf({ failed: [failedAt(6, NOW_MS + 500)] });
    const planned = plan(windowOf(eventsOf(6, 9)), { progress });
    expect(planned).toMatchObject({ batch: [], notBeforeMs: NOW_MS + 500, wantsMore: false });
    expect(offsetsOf(plan(windowOf(eventsOf(6, 9)), { progress, nowMs: NOW_MS + 500 }).batch)).toEqual([6, 7, 8]);
  });

  it('stops its key until it is time', () => {
    const records = eventsOf(6, 12, (offset) => (offset % 2 === 0 ? 'a' : 'b'));
    const progress = progressOf({ failed: [failedAt(6, NOW_MS + 500, keyHash(records[0]!))] });
    const planned = plan(windowOf(records), { progress, options: { ordering: 'key' } });
    expect(offsetsOf(planned.batch)).toEqual([7, 9, 11]);
    expect(planned.notBeforeMs).toBe(NOW_MS + 500);
  });

  it('stops nothing else without an order', () => {
    const progress = progressOf({ failed: [failedAt(6, NOW_MS + 500), failedAt(8, NOW_MS + 300)] });
    const planned = plan(windowOf(eventsOf(6, 10)), { progress, options: { ordering: 'none' } });
    expect(offsetsOf(planned.batch)).toEqual([7, 9]);
    expect(planned.notBeforeMs).toBe(NOW_MS + 300);
  });

  it('lets nothing new out when too much waits already', () => {
    const failed = Array.from({ length: 200 }, (_, index) => failedAt(index * 2, NOW_MS + 500));
    const done = failed.map(({ offset }) => ({ from: offset + 1n, to: offset + 2n }));
    const progress = progressOf({ failed, done });
    const window = windowOf(eventsOf(0, 500));
    const planned = plan(window, { progress, options: { ordering: 'none' } });
    expect(planned.batch).toEqual([]);
    const later = plan(window, { progress, nowMs: NOW_MS + 500, options: { ordering: 'none', batchSize: 1000 } });
    expect(later.batch).toHaveLength(200);
  });
});

describe('a batch that failed as a whole', () => {
  it('is cut in half until one record stands alone', () => {
    const progress = progressOf({ suspectEnd: 11n });
    const window = windowOf(eventsOf(5, 20), { isEnd: false });
    const half = plan(window, { progress });
    expect(offsetsOf(half.batch)).toEqual([5, 6, 7]);
    expect(half.wantsMore).toBe(false);
    const quarter = plan(window, { progress: progressOf({ suspectEnd: 8n }) });
    expect(offsetsOf(quarter.batch)).toEqual([5, 6]);
    expect(offsetsOf(plan(window, { progress: progressOf({ suspectEnd: 6n }) }).batch)).toEqual([5]);
  });

  it('is given again as it was when it may not be cut', () => {
    const progress = progressOf({ suspectEnd: 8n });
    const planned = plan(windowOf(eventsOf(5, 20)), { progress, options: { bisectBatchOnError: false } });
    expect(offsetsOf(planned.batch)).toEqual([5, 6, 7]);
  });

  it('holds up nothing when all that is left of it waits', () => {
    const progress = progressOf({ suspectEnd: 6n, failed: [failedAt(5, NOW_MS + 500)] });
    const planned = plan(windowOf(eventsOf(5, 8)), { progress, options: { ordering: 'none' } });
    expect(offsetsOf(planned.batch)).toEqual([6, 7]);
  });
});

describe('a batch that waits to be full', () => {
  const options = { batchSize: 10, maxBatchingWindowMs: 5_000 };

  it('waits from when its first record was seen', () => {
    const planned = plan(windowOf(eventsOf(5, 8)), { options });
    expect(planned).toMatchObject({ batch: [], windowSinceMs: NOW_MS, notBeforeMs: NOW_MS + 5_000 });
    const progress = progressOf({ windowSinceMs: NOW_MS - 4_999 });
    expect(plan(windowOf(eventsOf(5, 8)), { options, progress })).toMatchObject({ notBeforeMs: NOW_MS + 1 });
  });

  it('goes when it is full, or when it is time', () => {
    expect(plan(windowOf(eventsOf(5, 20)), { options }).batch).toHaveLength(10);
    const progress = progressOf({ windowSinceMs: NOW_MS - 5_000 });
    expect(plan(windowOf(eventsOf(5, 8)), { options, progress }).batch).toHaveLength(3);
  });

  it('does not wait while something is suspect', () => {
    const progress = progressOf({ suspectEnd: 7n });
    expect(plan(windowOf(eventsOf(5, 8)), { options, progress }).batch).toHaveLength(1);
  });
});
