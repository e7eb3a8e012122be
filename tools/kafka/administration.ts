/** What a client does that administers: it makes a topic, changes it, writes five records to its partition 1, a second apart, seeks in it, and deletes records, its group and the topic. */
import { isDeepStrictEqual } from 'node:util';
import { systemClock as clock } from '../../lib/clock.ts';

/** The time of the first record. */
export const START_MS = Date.UTC(2026, 0, 15, 8, 30);

/** What a client was told. */
export interface Told {
  /** Partitions of the topic, and its `retention.ms`. */
  readonly created: readonly [number, string];
  readonly altered: readonly [number, string];
  /** The offset of the first record at or behind a time between the second and the third. */
  readonly byTime: number;
  /** The value at the beginning, and where it was sought to. */
  readonly first: string;
  readonly sought: string;
  /** Partitions and offsets of the group. */
  readonly committed: readonly (readonly [number, number])[];
  /** The group, unless it is gone. */
  readonly groups: readonly string[];
  /** After records were deleted. */
  readonly earliest: number;
  readonly deleted: boolean;
}

export const expectedOfAdministration: Told = {
  created: [3, '99999999999999'],
  altered: [5, '88888888888888'],
  byTime: 2,
  first: 'v0',
  sought: 'v3',
  committed: [[1, 4]],
  groups: [],
  earliest: 2,
  deleted: true,
};

/** A broker answers before all of it knows what was changed. */
export async function until<T>(read: () => Promise<T>, wanted: T): Promise<T> {
  for (let left = 100; left > 0; left--) {
    const now = await read();
    if (isDeepStrictEqual(now, wanted)) return now;
    await clock.sleep(100);
  }
  return read();
}
