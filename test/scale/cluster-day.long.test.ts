import { describe, expect, it } from 'vitest';
import { readDocument } from '../docs/markdown.ts';
import { clusterDay } from './cluster-day.ts';
import { clusterDayTable, LARGE_CLUSTER } from './cluster-day-table.ts';

/** The rows of a table, each a name and its numbers. */
function rowsOf(table: string): readonly (readonly [name: string, numbers: readonly number[]])[] {
  const rows = [...table.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)];
  return rows.map(([, name = '', cell = '']) => [
    name,
    [
      ...cell
        .replaceAll(',', ' ')
        .replaceAll(/(\d) (?=\d{3}\b)/g, '$1')
        .matchAll(/[\d.]+/g),
    ].map(Number),
  ]);
}

describe('a day of 10,000 partitions and 2,000 writers', () => {
  it('comes to about what docs/scale.md says', async () => {
    const day = await clusterDay(LARGE_CLUSTER);
    expect(day.lost).toBe(0);
    const written = new Map(rowsOf(readDocument('docs/scale.md').text));
    for (const [name, numbers] of rowsOf(clusterDayTable(day))) {
      const stated = written.get(name);
      expect(stated, name).toHaveLength(numbers.length);
      // Maintenance may come to do a little more or less; then the document is to be looked at.
      for (const [index, value] of numbers.entries()) {
        expect(Math.abs(stated![index]! - value), name).toBeLessThanOrEqual(Math.max(1, value * 0.1));
      }
    }
  });
});
