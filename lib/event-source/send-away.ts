import { asMillraceError } from '../errors.ts';
import type { DeadRecord } from './event-source-deps.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { givenUpTo } from './give-up.ts';
import type { HeldPartition } from './held-partition.ts';
import { passRecords } from './settle-batch.ts';
import type { WorkPlace } from './work-place.ts';

/** How long what could not be read, or sent away, waits. */
export const UNREADABLE_MS = 60_000;

/** Sends records away that are not given any more. They are dealt with once they are durable where they go, and wait like what failed until then. False: they are not there yet. */
export async function sendAway(
  place: WorkPlace,
  held: HeldPartition,
  subscription: FunctionSubscription,
  records: readonly DeadRecord[],
): Promise<boolean> {
  held.isDirty = true;
  try {
    await place.deps.sink.send(subscription, records);
  } catch (cause) {
    const error = asMillraceError(cause);
    place.tell({ kind: 'destination-failed', records: records.length, error: error.message });
    held.restUntilMs = place.nowMs() + UNREADABLE_MS;
    held.remember({ error: error.message });
    return false;
  }
  for (const reason of new Set(records.map((one) => one.reason))) {
    const of = records.filter((one) => one.reason === reason);
    const to = givenUpTo(subscription, reason);
    place.tell({ kind: 'given-up', records: of.length, to, reason, error: of[0]!.error });
  }
  const gone = records.map(({ record }) => record);
  held.move(passRecords(held.progress, gone));
  return true;
}
