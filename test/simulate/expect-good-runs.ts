import { expect } from 'vitest';
import type { Simulate } from './simulation-run.ts';

/** Lines of the trace that a failure shows; `npm run simulate -- --seed N --trace` prints the whole of it. */
const SHOWN_LINES = 60;

/** Runs seeds and fails with the first that breaks a rule, its story included; returns what happened in all of them. */
export async function expectGoodRuns(
  simulate: Simulate,
  fromSeed: number,
  toSeed: number,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (let seed = fromSeed; seed < toSeed; seed++) {
    const run = await simulate(seed);
    for (const [name, count] of run.counts) counts.set(name, (counts.get(name) ?? 0) + count);
    if (run.violation === null) continue;
    const { trace } = await simulate(seed, { keepTrace: true });
    expect.fail(`seed ${seed}: ${run.violation}\n${trace.slice(-SHOWN_LINES).join('\n')}`);
  }
  return counts;
}
