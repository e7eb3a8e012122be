import { shrink } from './shrink.ts';
import type { Simulate, SimulationRun } from './simulation-run.ts';

/** A failure made as small as could be done. */
export interface ShrunkFailure {
  readonly seed: number;
  readonly violation: string;
  /** Faults of requests that happened in the whole run. */
  readonly faults: number;
  /** Numbers of those that are needed, and nothing else is: the arguments of a replay. */
  readonly needed: readonly number[];
  /** The story, from the beginning to the broken rule. */
  readonly trace: readonly string[];
}

/** Runs of one shrinking. */
const ATTEMPTS = 300;

const ruleOf = ({ violation }: SimulationRun) => violation?.split(':')[0] ?? null;

/** All faults up to `count` but these. */
export function withoutAllBut(count: number, kept: readonly number[]): ReadonlySet<number> {
  const keep = new Set(kept);
  return new Set(Array.from({ length: count }, (_, number) => number).filter((number) => !keep.has(number)));
}

/** More than a run has: a run from which faults are taken may go on for longer, and meet others that the whole run never came to. */
export const FAULTS_MOST = 10_000;

/** Leaves out faults for as long as the same rule is still broken; a run has to fail. */
export async function shrinkFailure(simulate: Simulate, seed: number): Promise<ShrunkFailure> {
  const whole = await simulate(seed);
  const rule = ruleOf(whole);
  const faults = whole.counts.get('faults') ?? 0;
  const runWith = (kept: readonly number[], keepTrace = false) =>
    simulate(seed, { keepTrace, withoutFaults: withoutAllBut(FAULTS_MOST, kept) });
  const all = Array.from({ length: faults }, (_, number) => number);
  const needed = await shrink(all, async (kept) => ruleOf(await runWith(kept)) === rule, ATTEMPTS);
  const { violation, trace } = await runWith(needed, true);
  const end = trace.findIndex((line) => line.includes(` VIOLATION ${violation}`)) + 1;
  return { seed, violation: violation ?? whole.violation!, faults, needed, trace: trace.slice(0, end) };
}
