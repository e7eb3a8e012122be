import { BELLS_PK, bellFromItem, bellKey, bellToItem } from '../event-source/bell.ts';
import type { Bells } from '../event-source/function-subscriptions.ts';
import type { AwsTables } from './aws-log.ts';

/** A page ends at 1 MB. */
const ALL = 10_000;

/** `Bells` over the table with the stream: who hears of it wakes. */
export function dynamoBells({ log }: Pick<AwsTables, 'log'>): Bells {
  return {
    async ring(bell, stamp, atMs = 0) {
      await log.put(bellKey(bell), bellToItem({ stamp, atMs }));
    },
    async list() {
      const rows = await log.query({
        condition: '#pk = :pk',
        values: { ':pk': BELLS_PK },
        order: 'ascending',
        limit: ALL,
        consistent: true,
      });
      return rows.map(({ sk, item }) => bellFromItem(sk, item));
    },
  };
}
