import { describe, expect, it } from 'vitest';
import { readDocument } from '../docs/markdown.ts';
import { clusterDay } from './cluster-day.ts';
import { clusterDayTable, LARGE_CLUSTER } from './cluster-day-table.ts';

describe('a day of 10,000 partitions and 2,000 writers', () => {
  it('comes to what docs/scale.md says', async () => {
    const day = await clusterDay(LARGE_CLUSTER);
    expect(day.lost).toBe(0);
    expect(readDocument('docs/scale.md').text).toContain(clusterDayTable(day));
  });
});
