/** What a simulation is asked, and what it answers. */

/** How a seed is run. */
export interface SimulateOptions {
  /** Default false: a trace costs time. */
  readonly keepTrace?: boolean;
  /** Default true: what only has to be judged runs a fifth faster without. */
  readonly keepDigest?: boolean;
  /** Numbers of faults of requests, in their order, that do not happen. */
  readonly withoutFaults?: ReadonlySet<number>;
}

/** What came of one seed. */
export interface SimulationRun {
  readonly seed: number;
  /** The first rule that was broken and how, null for a good run. */
  readonly violation: string | null;
  /** Hash of all that happened; '' when it was not to be kept. */
  readonly digest: string;
  /** `partitions`, `clients`, `operations`, `faults` of every simulation, and what each counts besides. */
  readonly counts: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
}

export type Simulate = (seed: number, options?: SimulateOptions) => Promise<SimulationRun>;
