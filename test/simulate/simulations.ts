/** The simulations there are. */

import { simulateDelays } from '../delay/simulation/simulate-delays.ts';
import { simulateAdministration } from '../event-source/simulation/simulate-administration.ts';
import { simulateEventSource } from '../event-source/simulation/simulate-event-source.ts';
import { simulateGatewayGroups } from '../gateway/groups/simulation/simulate-gateway-groups.ts';
import { simulateGatewayProduce } from '../gateway/simulation/simulate-gateway-produce.ts';
import { simulateGroup } from '../group/simulation/simulate-group.ts';
import { simulate as simulateLog } from '../log/simulation/simulate.ts';
import { simulateMaintenance } from '../maintenance/simulation/simulate-maintenance.ts';
import { simulateWhole } from '../whole/simulation/simulate-whole.ts';
import type { Simulate } from './simulation-run.ts';

/** By name. */
export const simulations = {
  log: simulateLog,
  groups: simulateGroup,
  'gateway-groups': simulateGatewayGroups,
  'gateway-produce': simulateGatewayProduce,
  'event-source': simulateEventSource,
  maintenance: simulateMaintenance,
  administration: simulateAdministration,
  delays: simulateDelays,
  whole: simulateWhole,
} as const satisfies Record<string, Simulate>;

export type SimulationName = keyof typeof simulations;
