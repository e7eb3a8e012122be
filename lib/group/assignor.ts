/** How the partitions of topics are shared among the members that want them. Names and results are Kafka's. */
import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';
import type { Assignor } from './assignor-input.ts';
import { rangeAssignor } from './range-assignor.ts';
import { roundRobinAssignor } from './round-robin-assignor.ts';
import { stickyAssignor } from './sticky-assignor.ts';

/**
 * `range`: each topic in ranges, so that topics with as many partitions are shared alike. `roundrobin`: all partitions in turn. `sticky` and `cooperative-sticky`: evenly, and moving as
 * few as possible; in Kafka the latter need not stop for a rebalance, here none ever does, so the two are one.
 */
const ASSIGNORS = {
  range: rangeAssignor,
  roundrobin: roundRobinAssignor,
  sticky: stickyAssignor,
  'cooperative-sticky': stickyAssignor,
} as const satisfies Readonly<Record<string, Assignor>>;

/** Name of an assignor. Source: Kafka, `partition.assignment.strategy`. */
export type AssignorName = keyof typeof ASSIGNORS;

/** All names. */
export const assignorNames = Object.keys(ASSIGNORS) as readonly AssignorName[];

/** The assignor of a name. Throws INVALID_CONFIG, which names the nearest. */
export function assignorOf(name: AssignorName): Assignor {
  if (typeof name === 'string' && Object.hasOwn(ASSIGNORS, name)) return ASSIGNORS[name];
  const nearest = nearestName(String(name), assignorNames);
  throw new MillraceError('INVALID_CONFIG', `there is no assignor ${String(name).slice(0, 64)}`, {
    value: name,
    hint: `${nearest === undefined ? '' : `Did you mean ${nearest}? `}Assignors: ${assignorNames.join(', ')}.`,
  });
}
