/** The simulations there are. */
import { simulateGroup } from '../group/simulation/simulate-group.ts';
import { simulate as simulateLog } from '../log/simulation/simulate.ts';
import { simulateWhole } from '../whole/simulation/simulate-whole.ts';
import type { Simulate } from './simulation-run.ts';

/** By name. */
export const simulations = { log: simulateLog, groups: simulateGroup, whole: simulateWhole } as const satisfies Record<
  string,
  Simulate
>;

export type SimulationName = keyof typeof simulations;
