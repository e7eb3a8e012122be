import type { Clock, Random } from '../clock.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { WakeUps } from './event-source-deps.ts';
import type { Bells } from './function-subscriptions.ts';

/** What it needs. */
export interface BellWakeUpsDeps {
  readonly bells: Bells;
  readonly clock: Clock;
  readonly random: Random;
}

/** Books wake-ups by bells that carry a time: whoever listens to the bells sees to them. For functions, which keep no timers. One write unit each. */
export function bellWakeUps(deps: BellWakeUpsDeps): WakeUps {
  return {
    async book({ group, partition, atMs }) {
      const stamp = freshUuid(deps.random);
      await repeatRequest(deps, () => deps.bells.ring({ group, partition }, stamp, Math.ceil(atMs)));
    },
  };
}
