/** What calling functions costs, measured: the router and the worker on a memory store whose meter counts as AWS does, and the calls that they make of Lambda. */
import { requestDollars, type StoreUsage, usageBetween } from '../../lib/log/meter.ts';
import { prices } from '../../lib/prices.ts';
import { idleDay } from '../event-source/idle-day.ts';
import { type TriggerPath, triggerStage } from '../event-source/trigger-stage.ts';

/** Calls of Lambda for one batch: the router, whom it wakes, and the function, which is that one itself where it pulls. */
export const CALLS = { push: 3, pull: 2 } as const;

/** What one batch asks of the stores. */
export async function measureTrigger(
  mode: keyof typeof CALLS,
  path: TriggerPath,
  recordsPerBatch: number,
): Promise<StoreUsage> {
  const stage = await triggerStage({ mode, path, options: { batchSize: recordsPerBatch } });
  const ring = await stage.commit(recordsPerBatch);
  const before = stage.meter.usage;
  const { result } = await stage.route([ring]);
  await stage.work(result.woken[0]!);
  if (stage.batches.join() !== `${recordsPerBatch}`) throw new RangeError(`batches of ${stage.batches}`);
  return usageBetween(before, stage.meter.usage);
}

/** Dollars for a million records in batches of one size: requests to stores and calls, without the time that functions run. */
export function triggerDollars(mode: keyof typeof CALLS, usage: StoreUsage, recordsPerBatch: number): number {
  const batch = requestDollars(usage) * 1e6 + CALLS[mode] * prices.lambdaCallPerMillion;
  return batch / recordsPerBatch;
}

/** What 30 idle days ask for. */
export async function measureIdleMonth(partitionCount: number): Promise<{
  readonly readUnits: number;
  readonly dollars: number;
}> {
  const { usage } = await idleDay({ partitionCount });
  return { readUnits: 30 * usage.readUnits, dollars: 30 * requestDollars(usage) };
}
