import type { Clock, Random } from '../clock.ts';
import type { LogStore } from '../log/log-store.ts';
import type { MaintenancePorts } from './jobs.ts';

/** What work on what is stored needs of the world. */
export interface MaintenanceDeps {
  readonly store: LogStore & MaintenancePorts;
  readonly clock: Clock;
  readonly random: Random;
}
