/**
 * Functions that pull: the function itself takes the lease, reads the byte ranges, and commits. Its handler knows nothing of that.
 *
 * Nothing that a handler throws leaves here: attempts are counted with the lease, and Lambda's own retries would count twice.
 */
import { systemClock, systemRandom } from '../clock.ts';
import { eventSourceTools } from '../connect/event-source-tools.ts';
import { bellWakeUps } from '../event-source/bell-wake-ups.ts';
import type { EventSourceDeps } from '../event-source/event-source-deps.ts';
import { GiveUp } from '../event-source/give-up.ts';
import { parsePullEvent } from '../event-source/pull-pointer.ts';
import { Fetcher } from '../log/fetcher.ts';
import { metricsByVariable } from './embedded-metrics.ts';
import { functionStore, once } from './function-store.ts';
import type { FunctionContext } from './function-time.ts';
import { PullCall, type PullOptions } from './pull-call.ts';

/** What the calls of one function share: a store, opened once in the life of its process. */
export class PullFunction<K, V> {
  readonly #options: PullOptions<K, V>;
  readonly #deps = once(() => this.#open());

  constructor(options: PullOptions<K, V>) {
    const metrics = options.metrics ?? metricsByVariable();
    this.#options = metrics === undefined ? options : { ...options, metrics };
  }

  /** A call, for an event that points to a partition; null for any other event. Throws INVALID_CONFIG when no store is named, and what opening it throws. */
  async call(event: unknown, context: FunctionContext): Promise<PullCall<K, V> | null> {
    const request = parsePullEvent(event);
    if (request === null) return null;
    return new PullCall(await this.#deps(), request, this.#options, context);
  }

  async #open(): Promise<EventSourceDeps> {
    const { clock = systemClock, random = systemRandom, onNews, metrics } = this.#options;
    const { store, destinations } = await functionStore(this.#options.store, clock);
    const tools = eventSourceTools(store, destinations);
    return {
      store,
      fetcher: new Fetcher({ store, clock, random }),
      clock,
      random,
      wakeUps: bellWakeUps({ bells: store.bells, clock, random }),
      sink: new GiveUp({ ...tools, clock }),
      onNews(news) {
        onNews?.(news);
        metrics?.onNews(news);
      },
    };
  }
}
