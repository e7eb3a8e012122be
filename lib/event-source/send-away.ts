import { asMillraceError } from '../errors.ts';
import type { DeadRecord } from './event-source-deps.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import { givenUpTo } from './give-up.ts';
import type { HeldPartition } from './held-partition.ts';
import { passRecords } from './settle-batch.ts';
import type { WorkPlace } from './work-place.ts';

/** How long what could not be read, or sent away, waits. */
export const UNREADABLE_MS = 60_000;

/** Records that are sent between two looks at the lease. */
const SENT_AT_ONCE = 100;

/**
 * Sends records away that are not given any more. They are dealt with once they are durable where they go, and wait like what failed until then. False: some are not there yet.
 *
 * `keep` writes the lease if it is time, because a destination may take its own; false when it is lost.
 */
export async function sendAway(
  place: WorkPlace,
  held: HeldPartition,
  subscription: FunctionSubscription,
  records: readonly DeadRecord[],
  keep: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  held.isDirty = true;
  for (let from = 0; from < records.length; from += SENT_AT_ONCE) {
    const some = records.slice(from, from + SENT_AT_ONCE);
    try {
      await place.deps.sink.send(subscription, some);
    } catch (cause) {
      const error = asMillraceError(cause);
      place.tell({ kind: 'destination-failed', records: records.length - from, error: error.message });
      held.restUntilMs = place.nowMs() + UNREADABLE_MS;
      held.remember({ error: error.message });
      return false;
    }
    const gone = some.map(({ record }) => record);
    held.move(passRecords(held.progress, gone));
    tellGivenUp(place, subscription, some);
    if (!(await keep())) return false;
  }
  return true;
}

function tellGivenUp(place: WorkPlace, subscription: FunctionSubscription, records: readonly DeadRecord[]): void {
  for (const reason of new Set(records.map((one) => one.reason))) {
    const of = records.filter((one) => one.reason === reason);
    const to = givenUpTo(subscription, reason);
    place.tell({ kind: 'given-up', records: of.length, to, reason, error: of[0]!.error });
  }
}
