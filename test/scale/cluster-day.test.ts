import { describe, expect, it } from 'vitest';
import { clusterDay } from './cluster-day.ts';

const SMALL = { partitions: 40, writers: 10, flushesPerHour: 4, partitionsPerFlush: 8, batchBytes: 200 };

describe('a simulated cluster', () => {
  it('has the same numbers each time, and loses nothing', async () => {
    const day = await clusterDay({ ...SMALL, hours: 6, retentionHours: 2 });
    expect(day).toEqual(await clusterDay({ ...SMALL, hours: 6, retentionHours: 2 }));
    expect(day).toMatchObject({ flushes: 240, commits: 1_920, lost: 0 });
  });

  it('asks for one PUT for a flush, and little more than a write unit for a commit', async () => {
    const { flushes, commits, writers, heads, dollars } = await clusterDay({ ...SMALL, hours: 12, retentionHours: 3 });
    expect(writers).toMatchObject({ puts: flushes, gets: 0, lists: 0 });
    // Each sixteenth is rolled, by two requests.
    expect(writers.writeUnits).toBeLessThan(commits * 1.2);
    expect(writers.readRequests).toBeLessThanOrEqual(commits);
    expect(heads[1]).toBeLessThanOrEqual(1_024);
    expect(dollars.maintenance).toBeLessThan(dollars.writers / 2);
  });

  it('keeps no more chunks than its retention asks for', async () => {
    const kept = await clusterDay({ ...SMALL, hours: 12, retentionHours: 3 });
    const all = await clusterDay({ ...SMALL, hours: 12, retentionHours: 100 });
    expect(kept.chunks).toBeLessThan(all.chunks / 2);
  });
});
