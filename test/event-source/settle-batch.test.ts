import { describe, expect, it } from 'vitest';
import type { Progress } from '../../lib/event-source/progress.ts';
import { keyHash, type ReceivedEvent } from '../../lib/event-source/received-event.ts';
import {
  type BatchOutcome,
  commitProgress,
  passRecords,
  retryDelayMs,
  type Settlement,
  settleBatch,
} from '../../lib/event-source/settle-batch.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { eventsOf, offsetsOf, optionsOf, progressOf } from './event-fixtures.ts';

const NOW_MS = 1_764_000_000_000;
const THREW: BatchOutcome = { kind: 'failed', error: 'TypeError: no', stack: 'at handler' };
const ALL_WELL: BatchOutcome = { kind: 'answered', failed: new Map() };
const failedAt = (...offsets: number[]): BatchOutcome => ({
  kind: 'answered',
  failed: new Map(offsets.map((offset) => [BigInt(offset), { error: `no ${offset}` }])),
});

const settle = (
  batch: readonly ReceivedEvent[],
  outcome: BatchOutcome,
  options: Partial<SubscriptionOptions> = {},
  progress: Progress = progressOf(),
): Settlement => settleBatch(batch, outcome, progress, { options: optionsOf(options), nowMs: NOW_MS });

/** Where the partition stands afterwards. */
const committedAfter = (from: bigint, { progress }: Settlement) => commitProgress(from, progress).committed;

describe('a batch that was handled', () => {
  it.each(['partition', 'key', 'none'] as const)('is done with the ordering %s', (ordering) => {
    const settled = settle(eventsOf(5, 9), ALL_WELL, { ordering });
    expect(settled.givenUp).toEqual([]);
    expect(commitProgress(5n, settled.progress)).toEqual({ committed: 9n, progress: progressOf() });
  });

  it('forgets what failed before, and that records were given up', () => {
    const before = progressOf({
      failed: [{ offset: 5n, failures: 2, notBeforeMs: 1, key: null }],
      givenUpInARow: 7,
      error: 'no',
      suspectEnd: 9n,
    });
    const settled = settle(eventsOf(5, 9), ALL_WELL, {}, before);
    expect(commitProgress(5n, settled.progress)).toEqual({ committed: 9n, progress: progressOf() });
  });
});

describe('a batch of which records failed', () => {
  it('goes on at the lowest of them with the ordering partition', () => {
    const settled = settle(eventsOf(5, 12), failedAt(8, 10));
    expect(committedAfter(5n, settled)).toBe(8n);
    expect(settled.progress.done).toEqual([{ from: 5n, to: 8n }]);
    expect(settled.progress.failed).toEqual([
      { offset: 8n, failures: 1, notBeforeMs: NOW_MS + retryDelayMs(1), key: null },
    ]);
    expect(settled.progress.error).toBe('no 8');
  });

  it('has only those left with the ordering none', () => {
    const settled = settle(eventsOf(5, 12), failedAt(8, 10), { ordering: 'none' });
    expect(offsetsOf(settled.progress.failed)).toEqual([8, 10]);
    expect(commitProgress(5n, settled.progress)).toMatchObject({
      committed: 8n,
      progress: {
        done: [
          { from: 9n, to: 10n },
          { from: 11n, to: 12n },
        ],
      },
    });
  });

  it('has those left, and what follows them under their key, with the ordering key', () => {
    // a b a b a b a
    const batch = eventsOf(5, 12, (offset) => (offset % 2 === 1 ? 'a' : 'b'));
    const settled = settle(batch, failedAt(8), { ordering: 'key' });
    expect(settled.progress.failed).toMatchObject([{ offset: 8n, failures: 1, key: keyHash(batch[3]!) }]);
    expect(commitProgress(5n, settled.progress)).toMatchObject({
      committed: 8n,
      progress: {
        done: [
          { from: 9n, to: 10n },
          { from: 11n, to: 12n },
        ],
      },
    });
  });

  it('holds nothing back that has no key', () => {
    const settled = settle(eventsOf(5, 8), failedAt(5), { ordering: 'key' });
    expect(settled.progress.done).toEqual([{ from: 6n, to: 8n }]);
  });

  it('counts each failure, and waits longer each time', () => {
    let progress = progressOf();
    for (const [failures, waitMs] of [
      [1, 1_000],
      [2, 2_000],
      [3, 4_000],
    ] as const) {
      ({ progress } = settle(eventsOf(5, 6), failedAt(5), {}, progress));
      expect(progress.failed).toEqual([{ offset: 5n, failures, notBeforeMs: NOW_MS + waitMs, key: null }]);
    }
    expect(retryDelayMs(50)).toBe(60_000);
  });

  it('gives up one that has failed once more than it may be tried again', () => {
    const before = progressOf({ failed: [{ offset: 5n, failures: 3, notBeforeMs: 1, key: null }] });
    const settled = settle(eventsOf(5, 8), failedAt(5), { retryAttempts: 3 }, before);
    expect(settled.givenUp).toMatchObject([{ record: { offset: 5n }, failures: 4, error: 'no 5' }]);
    expect(settled.progress).toMatchObject({ failed: [], givenUpInARow: 1, done: [] });
    const [given] = settled.givenUp;
    expect(commitProgress(5n, passRecords(settled.progress, [given!.record])).committed).toBe(6n);
  });

  it('waits as long as the function wished', () => {
    const outcome: BatchOutcome = { kind: 'answered', failed: new Map([[6n, { error: 'later', retryAfterMs: 7 }]]) };
    const settled = settle(eventsOf(5, 8), outcome, { ordering: 'none' });
    expect(settled.progress.failed).toMatchObject([{ offset: 6n, failures: 1, notBeforeMs: NOW_MS + 7 }]);
    const whole = settle(eventsOf(5, 8), { kind: 'failed', error: 'later', retryAfterMs: 9 });
    expect(whole.progress.failed).toMatchObject([{ offset: 5n, failures: 1, notBeforeMs: NOW_MS + 9 }]);
  });

  it('never gives up with -1, and at once with 0', () => {
    const before = progressOf({ failed: [{ offset: 5n, failures: 99_999, notBeforeMs: 1, key: null }] });
    expect(settle(eventsOf(5, 6), failedAt(5), { retryAttempts: -1 }, before).givenUp).toEqual([]);
    expect(settle(eventsOf(5, 6), failedAt(5), { retryAttempts: 0 }).givenUp).toHaveLength(1);
  });

  it('leaves what was postponed, without counting it', () => {
    const outcome: BatchOutcome = {
      kind: 'answered',
      failed: new Map([[6n, { error: 'no' }]]),
      postponed: new Set([8n]),
    };
    const settled = settle(eventsOf(5, 10), outcome, { ordering: 'none' });
    expect(offsetsOf(settled.progress.failed)).toEqual([6]);
    expect(settled.progress.done).toEqual([
      { from: 5n, to: 6n },
      { from: 7n, to: 8n },
      { from: 9n, to: 10n },
    ]);
  });
});

describe('a batch that failed as a whole', () => {
  it.each(['partition', 'key', 'none'] as const)(
    'is suspect, and costs no attempt, with the ordering %s',
    (ordering) => {
      const settled = settle(eventsOf(5, 9), THREW, { ordering });
      expect(settled).toEqual({ progress: progressOf({ suspectEnd: 9n, error: 'TypeError: no' }), givenUp: [] });
    },
  );

  it('counts where it cannot be cut any more', () => {
    const settled = settle(eventsOf(5, 6), THREW);
    expect(settled.progress).toMatchObject({ suspectEnd: 6n, failed: [{ offset: 5n, failures: 1 }] });
  });

  it('counts as one where it may not be cut, and goes as one', () => {
    const options = { bisectBatchOnError: false, retryAttempts: 1 };
    const first = settle(eventsOf(5, 8), THREW, options);
    expect(first.progress).toMatchObject({ suspectEnd: 8n, failed: [{ offset: 5n, failures: 1 }] });
    const second = settle(eventsOf(5, 8), THREW, options, first.progress);
    expect(second.givenUp.map(({ record, failures, error, stack }) => [record.offset, failures, error, stack])).toEqual(
      [5n, 6n, 7n].map((offset) => [offset, 2, 'TypeError: no', 'at handler']),
    );
  });

  it('counts for each of its records without the ordering partition', () => {
    const options = { bisectBatchOnError: false, retryAttempts: 1, ordering: 'none' } as const;
    const first = settle(eventsOf(5, 8), THREW, options);
    expect(offsetsOf(first.progress.failed)).toEqual([5, 6, 7]);
    expect(
      offsetsOf(settle(eventsOf(5, 8), THREW, options, first.progress).givenUp.map(({ record }) => record)),
    ).toEqual([5, 6, 7]);
  });

  it('is not suspect any more once it names what fails', () => {
    const settled = settle(eventsOf(5, 7), failedAt(6), {}, progressOf({ suspectEnd: 9n }));
    expect(settled.progress.suspectEnd).toBeNull();
  });

  it('stays suspect behind the half that was handled', () => {
    const { progress } = settle(eventsOf(5, 7), ALL_WELL, {}, progressOf({ suspectEnd: 9n }));
    expect(commitProgress(5n, progress)).toEqual({ committed: 7n, progress: progressOf({ suspectEnd: 9n }) });
  });
});

describe('a partition whose records all fail', () => {
  const options = { retryAttempts: 0, circuitBreakerFailures: 2 };

  it('rests instead of giving up more, longer each time', () => {
    const open = progressOf({ givenUpInARow: 2 });
    const first = settle(eventsOf(5, 6), failedAt(5), options, open);
    expect(first.givenUp).toEqual([]);
    expect(first.progress).toMatchObject({ givenUpInARow: 2, failed: [{ failures: 1, notBeforeMs: NOW_MS + 60_000 }] });
    const second = settle(eventsOf(5, 6), failedAt(5), options, first.progress);
    expect(second.progress.failed).toMatchObject([{ failures: 2, notBeforeMs: NOW_MS + 120_000 }]);
  });

  it('gives up no more than that many of one batch', () => {
    const settled = settle(eventsOf(5, 9), failedAt(5, 6, 7, 8), { ...options, ordering: 'none' });
    expect(offsetsOf(settled.givenUp.map(({ record }) => record))).toEqual([5, 6]);
    expect(offsetsOf(settled.progress.failed)).toEqual([7, 8]);
  });

  it('goes on when a record succeeds', () => {
    const settled = settle(eventsOf(5, 7), failedAt(6), options, progressOf({ givenUpInARow: 2 }));
    expect(settled.givenUp).toHaveLength(1);
    expect(settled.progress.givenUpInARow).toBe(1);
  });

  it('is not noticed with 0', () => {
    const endless = { ...options, circuitBreakerFailures: 0 };
    expect(settle(eventsOf(5, 6), failedAt(5), endless, progressOf({ givenUpInARow: 500 })).givenUp).toHaveLength(1);
  });
});
