/** A process that runs maintenance again and again, in slices of any length: what it rewrites and deletes nobody may notice. */
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { MaintenancePorts } from '../../../lib/maintenance/jobs.ts';
import { type MaintenanceOptions, runMaintenance } from '../../../lib/maintenance/run-maintenance.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import type { Dice } from '../../log/simulation/virtual-time.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';

/** How it goes about it. */
export type MaintainerOptions = Required<
  Pick<
    MaintenanceOptions,
    'restoreWindowMs' | 'freshMs' | 'saveEveryMs' | 'takeMs' | 'objectBytes' | 'worthBytes' | 'waitMs'
  >
>;

/** Something small and soon of everything. */
export function anyMaintainerOptions(dice: Dice): MaintainerOptions {
  return {
    restoreWindowMs: dice.pick([0, 0, 500]),
    freshMs: dice.pick([0, 200]),
    saveEveryMs: dice.pick([0, 100]),
    takeMs: dice.pick([300, 3_000]),
    objectBytes: dice.pick([1_000, 100_000]),
    worthBytes: dice.pick([0, 1_000]),
    waitMs: dice.pick([0, 1_000]),
  };
}

/** See the top of this file. */
export class Maintainer {
  readonly process: MemberProcess;
  readonly #store: LogStore & MaintenancePorts;
  readonly #dice: Dice;
  readonly #oracle: Oracle;
  readonly #options: MaintainerOptions;

  constructor(parts: {
    process: MemberProcess;
    store: LogStore & MaintenancePorts;
    dice: Dice;
    oracle: Oracle;
    options: MaintainerOptions;
  }) {
    this.process = parts.process;
    this.#store = parts.store;
    this.#dice = parts.dice;
    this.#oracle = parts.oracle;
    this.#options = parts.options;
  }

  /** For as long as all are busy. */
  async run(busy: BusyTime): Promise<void> {
    while (this.process.alive && !busy.isOver) {
      await this.#maintain({ deadlineMs: this.process.monotonicMs() + this.#dice.magnitude(20, 5_000) });
      await this.process.sleep(this.#dice.magnitude(50, 3_000));
    }
  }

  /** Rewrites all that there is, and deletes what that leaves. */
  async finish(): Promise<void> {
    for (let pass = 0; pass < 4; pass++) {
      // Who has died may have a job for three seconds more, by clocks that are wrong.
      await this.process.sleep(10_000);
      const isDone = await this.#maintain({ deadlineMs: Number.POSITIVE_INFINITY, waitMs: 0 });
      this.#oracle.expect(isDone, 'Progress', () => 'maintenance was not done although all is well');
    }
  }

  async #maintain(options: Pick<MaintenanceOptions, 'deadlineMs' | 'waitMs'>): Promise<boolean> {
    const deps = { store: this.#store, clock: this.process, random: this.#dice };
    const runs = await runMaintenance(deps, { ...this.#options, ...options, evenIfNotDue: true });
    for (const { job, result } of runs) {
      this.#oracle.count(`${job} ${result.outcome}`);
      if (result.outcome === 'failed')
        this.#oracle.expect(result.error.retriable, 'Maintenance', () => `${job} failed: ${result.error.stack}`);
    }
    return runs.every(({ result }) => result.outcome === 'done');
  }
}
