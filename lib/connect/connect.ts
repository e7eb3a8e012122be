import { Millrace } from '../client/millrace.ts';
import { backgroundClock, type Clock, type Random, systemClock, systemRandom } from '../clock.ts';
import type { DelayStore } from '../delay/delay-store.ts';
import { type Meter, noMeter } from '../log/meter.ts';
import { parseConnectionString, releasesDelayed } from './connection-string.ts';
import { openStore } from './open-store.ts';
import { releasingDelayed } from './releasing-delayed.ts';

/** What a client takes from outside. */
export interface ConnectOptions {
  /** Told of every request to the store, in the units that AWS charges. Default: nobody. A store that was opened elsewhere has its own. */
  readonly meter?: Meter;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Whether delayed records of a store on this machine are released as long as this client is open, whoever sent them. Default true. On AWS the functions of a deployment do, where the connection string says `delays=true`; elsewhere delayed records are refused. */
  readonly releaseDelayed?: boolean;
}

/** A store that the caller opened, and closes. */
export interface OpenedStore {
  readonly store: DelayStore;
}

/**
 * Connects to a store: by a connection string (`memory:`, `file:.millrace`, `aws:?bucket=my-log&table=my-log`, see `connection-string.ts`), or to one that is open.
 *
 * Throws INVALID_CONNECTION_STRING, and what opening the store throws: STORE_READ_ONLY, STORE_MISSING, ACCESS_DENIED, …
 */
export async function connect(to: string | OpenedStore, options: ConnectOptions = {}): Promise<Millrace> {
  const { clock = systemClock, random = systemRandom, meter = noMeter } = options;
  if (typeof to === 'object' && to !== null) return new Millrace({ store: to.store, clock, random });
  const target = parseConnectionString(to);
  const opened = await openStore(target, { clock, meter });
  const mayRelease = options.releaseDelayed !== false && !(target.kind === 'file' && target.readOnly);
  // Whoever forgets to close must not be kept alive by it.
  const background = { clock: options.clock ?? backgroundClock, random };
  const store = mayRelease ? releasingDelayed(opened, background) : opened;
  return new Millrace({ store, clock, random, ownsStore: true, isReleasing: releasesDelayed(target) });
}
