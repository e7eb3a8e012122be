import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type DuePlace, type DueRecord, objectKeyOf } from './due-record.ts';
import type { ReleaseDeps } from './release-records.ts';

/** Traces of one step. */
const PAGE = 100;

/**
 * Removes the traces of what was due before a time, and what is left of their objects. Stops at one that waits, and returns when that was due, so that it is released first; null: none was there.
 *
 * The horizon rises before anything is removed. Requests: two reads; for 100 traces a read, a write, and a write for each of them. `marginMs`: what lies so far below the horizon is looked at again, because one who died may have left it.
 */
export async function forgetTraces(
  deps: Pick<ReleaseDeps, 'store' | 'clock' | 'random'>,
  partition: PartitionKey,
  { beforeMs, marginMs }: { readonly beforeMs: number; readonly marginMs: number },
): Promise<number | null> {
  const { dueRecords, objects } = deps.store;
  const { answer: horizon } = await repeatRequest(deps, () => dueRecords.readHorizon(partition));
  const fromMs = Math.max(0, horizon - marginMs);
  let after: DuePlace | null = null;
  for (;;) {
    const query = { fromMs, toMs: beforeMs, after, limit: PAGE };
    const { answer: page } = await repeatRequest(deps, () => dueRecords.query(partition, query));
    const { settled, waitingMs } = settledFirst(page, horizon);
    const last: DueRecord | undefined = settled.at(-1);
    if (last === undefined) return waitingMs;
    await repeatRequest(deps, () => dueRecords.raiseHorizon(partition, last.dueMs + 1));
    const keys = settled.map(objectKeyOf).filter((key) => key !== null);
    if (keys.length > 0) await repeatRequest(deps, () => objects.remove(keys));
    await repeatRequest(deps, () => dueRecords.forget(partition, settled));
    if (settled.length < page.length) return waitingMs;
    after = last;
  }
}

/** What stands before the first record that waits, and is not due together with it: the horizon must not pass it. One below the horizon waits for nothing. */
function settledFirst(
  page: readonly DueRecord[],
  horizon: number,
): { readonly settled: readonly DueRecord[]; readonly waitingMs: number | null } {
  const waiting = page.find(({ state, dueMs }) => state === 'waiting' && dueMs >= horizon);
  if (waiting === undefined) return { settled: page, waitingMs: null };
  return { settled: page.filter(({ dueMs }) => dueMs < waiting.dueMs), waitingMs: waiting.dueMs };
}
