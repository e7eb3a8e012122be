/** Random operations on what limits the calls of functions. */
import fc from 'fast-check';
import { slotsBy } from '../log/contract/function-limits.contract.ts';
import { broken, type Draw, type Ports } from './differential-model.ts';

const change = fc.constantFrom('a', 'b', 'c');

export const replaceSlots = fc
  .record({
    seen: fc.constantFrom('', '', 'a', 'b'),
    by: change,
    isRight: fc.boolean(),
    calls: fc.integer({ min: 1, max: 9 }),
  })
  .map(
    ({ seen: guess, by, isRight, calls }): Draw =>
      async (world, ports) => {
        const group = world.groups[0]![0]!.name;
        const current = await ports.limits.readSlots(group, 3);
        const seen = isRight ? (current?.by ?? '') : guess;
        const args = { seen, next: slotsBy(by, { calls }) };
        const clauses = current ? { 'same change': current.by === seen } : { 'none was seen': seen === '' };
        const ask = async ({ limits }: Ports) => [
          await limits.replaceSlots(group, 3, args),
          await limits.readSlots(group, 3),
        ];
        return { operation: 'replace slots', broken: broken(clauses), ask };
      },
  );

export const reserveRecords = fc
  .record({
    rate: fc.constantFrom(0.5, 100),
    nowUs: fc.integer({ min: 0, max: 40 }),
    costUs: fc.integer({ min: 1, max: 9 }),
    seenUs: fc.integer({ min: 0, max: 40 }),
  })
  .map(
    ({ rate, ...args }): Draw =>
      async (world) => {
        const group = world.groups[0]![0]!.name;
        const ask = ({ limits }: Ports) => limits.reserve(group, rate, args);
        return { operation: 'reserve records', broken: [], ask };
      },
  );

export const removeLimits: fc.Arbitrary<Draw> = fc.constant<Draw>(async (world) => {
  const ask = ({ limits }: Ports) => limits.remove(world.groups[0]![0]!.name);
  return { operation: 'remove limits', broken: [], ask };
});
