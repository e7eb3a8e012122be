import { expect, it } from 'vitest';
import { type SimulationName, simulations } from './simulations.ts';

/** Seeds that broke a rule once, whether the code was wrong, a simulated actor or a judge; docs/correctness.md tells what most of them found. */
const FOUND: readonly (readonly [SimulationName, number])[] = [
  ['log', 442_334],
  ['groups', 55],
  ['groups', 607_459],
  ['whole', 100_352],
  ['whole', 500_020],
  ['whole', 500_406],
  ['whole', 500_438],
  ['whole', 500_546],
  ['whole', 501_976],
  ['whole', 501_980],
  ['whole', 502_454],
  ['whole', 505_261],
  ['whole', 600_970],
  ['whole', 700_002],
  ['whole', 1_100_762],
  ['whole', 1_225_722],
  ['maintenance', 6],
  ['maintenance', 39],
  ['maintenance', 1_883],
  ['maintenance', 2_463],
  ['gateway-groups', 1_186],
  ['gateway-groups', 3_680],
  ['gateway-groups', 3_875],
  ['gateway-groups', 100_384],
  ['event-source', 1],
  ['event-source', 9],
  ['event-source', 5_175],
  ['event-source', 5_421],
  ['event-source', 10_845],
];

it.each(FOUND)('%s, seed %i, which found something once, is good', async (name, seed) => {
  expect((await simulations[name](seed)).violation).toBeNull();
});
