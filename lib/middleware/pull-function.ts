/**
 * Functions that pull: the function itself takes the lease, reads the byte ranges, and commits. Its handler knows nothing of that.
 *
 * Nothing that a handler throws leaves here: attempts are counted with the lease, and Lambda's own retries would count twice.
 */
import { type Clock, systemClock, systemRandom } from '../clock.ts';
import { parseConnectionString } from '../connect/connection-string.ts';
import { eventSourceTools } from '../connect/event-source-tools.ts';
import { openStore } from '../connect/open-store.ts';
import { MillraceError } from '../errors.ts';
import { bellWakeUps } from '../event-source/bell-wake-ups.ts';
import type { EventSourceDeps } from '../event-source/event-source-deps.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { GiveUp } from '../event-source/give-up.ts';
import { parsePullEvent } from '../event-source/pull-pointer.ts';
import { Fetcher } from '../log/fetcher.ts';
import { noMeter } from '../log/meter.ts';
import { type FunctionContext, PullCall, type PullOptions } from './pull-call.ts';

/** What the calls of one function share: a store, opened once in the life of its process. */
export class PullFunction<K, V> {
  readonly #options: PullOptions<K, V>;
  #deps: Promise<EventSourceDeps> | null = null;

  constructor(options: PullOptions<K, V>) {
    this.#options = options;
  }

  /** A call, for an event that points to a partition; null for any other event. Throws INVALID_CONFIG when no store is named, and what opening it throws. */
  async call(event: unknown, context: FunctionContext): Promise<PullCall<K, V> | null> {
    const request = parsePullEvent(event);
    if (request === null) return null;
    // One that failed is tried again by the next call.
    this.#deps ??= this.#open().catch((error: unknown) => {
      this.#deps = null;
      throw error;
    });
    return new PullCall(await this.#deps, request, this.#options, context);
  }

  async #open(): Promise<EventSourceDeps> {
    const { clock = systemClock, random = systemRandom, onNews = () => {} } = this.#options;
    const store = await this.#openStore(clock);
    const { records } = eventSourceTools(store);
    return {
      store,
      fetcher: new Fetcher({ store, clock, random }),
      clock,
      random,
      wakeUps: bellWakeUps({ bells: store.bells, clock, random }),
      sink: new GiveUp({ records, notices: null, clock }),
      onNews,
    };
  }

  async #openStore(clock: Clock): Promise<EventSourceStore> {
    const { store = process.env.MILLRACE_STORE } = this.#options;
    if (typeof store === 'object') return store;
    if (store !== undefined && store !== '') return openStore(parseConnectionString(store), { clock, meter: noMeter });
    throw new MillraceError('INVALID_CONFIG', 'the function does not know where the log is', {
      hint: 'Set the variable MILLRACE_STORE, or the option store.',
    });
  }
}
