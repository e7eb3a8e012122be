import { describe, expect, it } from 'vitest';
import { formatProgress, parseProgress } from '../../lib/event-source/progress.ts';
import { windowFor } from '../../lib/event-source/tumbling-window.ts';
import { optionsOf, progressOf } from './event-fixtures.ts';

describe('a tumbling window', () => {
  it.each([
    [{ tumblingWindowMs: 1_500 }, /whole seconds/],
    [{ tumblingWindowMs: 901_000 }, /900000|900,000/],
    [{ mode: 'pull' }, /mode 'push'/],
    [{ format: 'sqs' }, /'kafka' or 'kinesis'/],
    [{ ordering: 'key' }, /ordering 'partition'/],
    [{ ordering: 'none', parallelizationFactor: 2 }, /ordering 'partition'/],
    [{ parallelizationFactor: 2 }, /factor of 1/],
    [{ retryDelaysMs: [10_000] }, /retryDelaysMs/],
  ] as const)('is refused with %j', (options, hint) => {
    expect(() => optionsOf({ tumblingWindowMs: 60_000, ...options })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', hint: expect.stringMatching(hint) }),
    );
  });

  it('is stored with its state', () => {
    const window = { startMs: 1, endMs: 60_001, state: { 'ü"': [1, null, { a: 'b' }] }, failures: 2 };
    const progress = progressOf({ window, windowFloorMs: 1 });
    expect(parseProgress(formatProgress(progress))).toEqual(progress);
  });

  it('does not overlap with the one before, whatever its length was', () => {
    const context = { window: null, windowFloorMs: 90_000, sizeMs: 60_000, nowMs: 1_000_000 };
    expect(windowFor(10n, context)).toEqual({ startMs: 90_000, endMs: 120_000 });
    expect(windowFor(-1n, { ...context, windowFloorMs: null })).toEqual({ startMs: 0, endMs: 60_000 });
  });
});
