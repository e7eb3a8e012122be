import { repeatRequest } from '../../log/repeat-request.ts';
import type { FunctionSubscription } from '../function-subscription.ts';
import type { WorkPlace } from '../work-place.ts';
import { costUs, type Reservation, reservationOf } from './rate-plan.ts';
import { limitedGroup } from './slot-session.ts';

/** Reserves records at the rate of a subscription, for one worker. */
export class RateSession {
  readonly #place: WorkPlace;
  #seenUs = 0;

  constructor(place: WorkPlace) {
    this.#place = place;
  }

  /** A place for so many records behind all that others have reserved; it may be now. One write, two where others have reserved since the last time. */
  async reserve(subscription: FunctionSubscription, records: number): Promise<Reservation> {
    const { deps } = this.#place;
    const { recordsPerSecond } = subscription.options;
    let nowMs = 0;
    const { answer } = await repeatRequest(deps, () => {
      nowMs = this.#place.nowMs();
      const args = { nowUs: nowMs * 1_000, costUs: costUs(recordsPerSecond, records), seenUs: this.#seenUs };
      return deps.store.limits.reserve(limitedGroup(subscription), recordsPerSecond, args);
    });
    this.#seenUs = answer.nextUs;
    return reservationOf(records, recordsPerSecond, { nowMs, nextUs: answer.nextUs });
  }
}
