import { repeatRequest } from '../log/repeat-request.ts';
import { compileFilters, type RecordFilter } from './filter/filter.ts';
import { type FunctionSubscription, subscriptionToItem } from './function-subscription.ts';
import type { WakeRequest } from './wake-request.ts';
import type { WorkPlace } from './work-place.ts';

/** A batch is given out by options that were read so long ago at most. */
const FRESH_MS = 1_000;
/** What came with the wake-up counts as read when the work began if it was read so shortly before, by clocks that may differ. */
const HANDED_OVER_MS = 5_000;

/** gone: it was deleted. paused: nothing is to be given out. another-way: the function is to be called in a way that this worker does not know. */
export type SubscriptionState = 'enabled' | 'paused' | 'another-way' | 'gone';

/** The subscription of a worker, which may be changed, paused or deleted while it works. */
export class WatchedSubscription {
  readonly #place: WorkPlace;
  readonly #begun: FunctionSubscription['options'];
  #current: FunctionSubscription;
  #matches: RecordFilter;
  #isGone = false;
  /** By the monotonic clock. */
  #readAtMs: number;

  constructor(place: WorkPlace, { subscription, readAtMs }: WakeRequest) {
    const { clock } = place.deps;
    this.#place = place;
    this.#begun = subscription.options;
    this.#current = subscription;
    this.#matches = compileFilters(subscription.options.filters);
    const isFresh = Math.abs(clock.nowMs() - readAtMs) <= HANDED_OVER_MS;
    this.#readAtMs = isFresh ? clock.monotonicMs() : Number.NEGATIVE_INFINITY;
  }

  /** As it was read last. */
  get current(): FunctionSubscription {
    return this.#current;
  }

  /** Its filters. */
  get matches(): RecordFilter {
    return this.#matches;
  }

  get state(): SubscriptionState {
    if (this.#isGone) return 'gone';
    const { enabled, mode, format } = this.#current.options;
    if (!enabled) return 'paused';
    return mode === this.#begun.mode && format === this.#begun.format ? 'enabled' : 'another-way';
  }

  /** Whether it is to be read again before anything is given out. */
  get isStale(): boolean {
    return this.#place.deps.clock.monotonicMs() - this.#readAtMs >= FRESH_MS;
  }

  /** Reads it again, consistently. Whether it is another one than before. */
  async read(): Promise<boolean> {
    const { deps } = this.#place;
    const startMs = deps.clock.monotonicMs();
    const { answer } = await repeatRequest(deps, () => deps.store.subscriptions.get(this.#current));
    this.#readAtMs = startMs;
    if (answer === null) {
      const wasThere = !this.#isGone;
      this.#isGone = true;
      return wasThere;
    }
    // Its version tells nothing of one that was deleted and made again.
    const isSame = !this.#isGone && textOf(answer) === textOf(this.#current);
    if (isSame) return false;
    this.#isGone = false;
    this.#current = answer;
    this.#matches = compileFilters(answer.options.filters);
    return true;
  }
}

const textOf = (subscription: FunctionSubscription): string =>
  JSON.stringify(subscriptionToItem(subscription), (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value,
  );
