import { describe, expect, it } from 'vitest';
import { monthOfWork } from '../../lib/cli/estimate-workload.ts';
import { steadyRequests } from './scale-model.ts';

describe('the arithmetic of a steady load', () => {
  it.each([
    [1, 1e5, 1_000],
    [8, 1e6, 250],
    [100, 1e5, 250],
    [100, 1e6, 1_000],
  ])(
    'agrees with what writers ask for: %i partitions, %i B/s, linger %i ms',
    async (partitions, bytesPerSecond, lingerMs) => {
      const expected = steadyRequests({ partitions, bytesPerSecond, lingerMs });
      const load = { recordBytes: 1_000, hoursPerDay: 24, functions: 0, mode: 'pull', retentionDays: 7 } as const;
      const recordsPerSecond = bytesPerSecond / 1_000;
      const { producers } = expected;
      const month = await monthOfWork({ ...load, recordsPerSecond, partitions, producers, lingerMs });
      const perFlush = month.perFlush.writeUnits;
      expect(month.flushes / (30 * 86_400)).toBeCloseTo(expected.flushes, 3);
      expect(Math.abs(month.partitionsPerFlush / expected.partitionsPerFlush - 1)).toBeLessThan(0.03);
      expect(Math.abs((perFlush * expected.flushes) / expected.writeUnits - 1)).toBeLessThan(0.03);
    },
  );

  it('spreads one record to one partition, however many there are, and many records to all', () => {
    const few = steadyRequests({ partitions: 10_000, bytesPerSecond: 1_000, lingerMs: 250 });
    expect(few).toMatchObject({ flushes: 1, commits: expect.closeTo(1, 6), readUnits: expect.closeTo(1, 6) });
    const many = steadyRequests({ partitions: 4, bytesPerSecond: 1e7, lingerMs: 250 });
    expect(many).toMatchObject({ producers: 1, flushes: 4, partitionsPerFlush: 4, readUnits: 0 });
  });

  it('ends a flush at the size of a segment, however long producers may wait', () => {
    const { flushes } = steadyRequests({ partitions: 1, bytesPerSecond: 1e9, lingerMs: 60_000 });
    expect(flushes).toBeCloseTo(1e9 / (8 * 1024 * 1024), 6);
  });
});
