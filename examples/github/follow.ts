/** A reader that follows the topic and remembers where it is, so that the next run goes on from there. */
import type { Millrace, ReceivedRecord } from '../../lib/index.ts';

export interface Follower {
  /** Next offset of each partition, by what was handled. */
  readonly positions: Map<number, bigint>;
  /** Records handled in this run. */
  readonly handled: number;
  /** Resolves when everything below these offsets is handled; rejects when the follower failed. */
  reached(offsets: ReadonlyMap<number, bigint>): Promise<void>;
  close(): Promise<void>;
}

/** Follows all partitions of `topic` from `positions` (else the beginning) and hands each record to `handle`. */
export async function follow(
  millrace: Millrace,
  topic: string,
  start: ReadonlyMap<number, bigint>,
  handle: (record: ReceivedRecord) => void,
): Promise<Follower> {
  const positions = new Map(start);
  const waiting = new Set<() => void>();
  const reader = millrace.reader({ idleMaxMs: 200 });
  await reader.assign([{ topic }]);
  for (const { partition } of reader.assignment) {
    const from = positions.get(partition);
    if (from !== undefined) await reader.seek({ topic, partition }, from);
  }
  let handled = 0;
  const ended = (async () => {
    for await (const { records } of reader.batches()) {
      for (const record of records) {
        handle(record);
        positions.set(record.partition, record.offset + 1n);
      }
      handled += records.length;
      for (const check of waiting) check();
    }
  })();
  // A failure is told to whoever waits in `reached` or `close`.
  ended.catch(() => {});
  const isThere = (offsets: ReadonlyMap<number, bigint>) =>
    [...offsets].every(([partition, offset]) => (positions.get(partition) ?? 0n) >= offset);
  return {
    positions,
    get handled() {
      return handled;
    },
    reached(offsets) {
      const arrived = new Promise<void>((resolve) => {
        const check = () => {
          if (isThere(offsets)) resolve();
        };
        waiting.add(check);
        check();
      });
      return Promise.race([arrived, ended.then(() => arrived)]);
    },
    async close() {
      await reader.close();
      await ended;
    },
  };
}
