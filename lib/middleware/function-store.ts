import type { Clock } from '../clock.ts';
import { parseConnectionString, releasesDelayed } from '../connect/connection-string.ts';
import { destinationsOf } from '../connect/event-source-tools.ts';
import type { AwsDestinations } from '../connect/notice-sender.ts';
import { openStore } from '../connect/open-store.ts';
import { MillraceError } from '../errors.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { noMeter } from '../log/meter.ts';

/** The store of a function, and where destinations outside of it are. */
export interface FunctionStore {
  readonly store: EventSourceStore;
  readonly destinations: AwsDestinations;
  /** Somebody releases delayed records of it: a store that is open has whoever opened it, one on AWS a deployment, if the connection string says so. */
  readonly isReleasing: boolean;
}

/** A store that is open, or one that a connection string names; without either the variable MILLRACE_STORE says it. Throws INVALID_CONFIG when nothing does, and what opening it throws. */
export async function functionStore(
  given: EventSourceStore | string | undefined,
  clock: Clock,
): Promise<FunctionStore> {
  const named = given ?? process.env.MILLRACE_STORE;
  if (typeof named === 'object') return { store: named, destinations: {}, isReleasing: true };
  if (named !== undefined && named !== '') {
    const target = parseConnectionString(named);
    const store = await openStore(target, { clock, meter: noMeter });
    return { store, destinations: destinationsOf(target), isReleasing: releasesDelayed(target) };
  }
  throw new MillraceError('INVALID_CONFIG', 'the function does not know where the log is', {
    hint: 'Set the variable MILLRACE_STORE, or the option store.',
  });
}

/** What is made once in the life of a process; a failure is forgotten, so that the next call tries again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}
