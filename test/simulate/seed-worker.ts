/** A thread that runs seeds: it is sent `{ name, from, to }` and answers with a `SeedBatch`. */
import { parentPort } from 'node:worker_threads';
import { type SimulationName, simulations } from './simulations.ts';

/** Seeds that one thread runs at a time. */
export interface SeedRange {
  readonly name: SimulationName;
  readonly from: number;
  readonly to: number;
}

/** What came of them; the first that failed ends a batch. */
export interface SeedBatch extends SeedRange {
  readonly runs: number;
  readonly failure: { readonly seed: number; readonly violation: string } | null;
  /** Of each run: how much of it there was, by name. */
  readonly sizes: Readonly<Record<string, readonly number[]>>;
}

/** What every schedule is measured by. */
export const MEASURES = ['partitions', 'clients', 'operations', 'faults'] as const;

// Thousands of errors are made and caught, and nobody looks at where they come from.
Error.stackTraceLimit = 0;

async function runSeeds({ name, from, to }: SeedRange): Promise<SeedBatch> {
  const sizes: Record<string, number[]> = Object.fromEntries(MEASURES.map((measure) => [measure, []]));
  for (let seed = from; seed < to; seed++) {
    const { violation, counts } = await simulations[name](seed, { keepDigest: false });
    for (const measure of MEASURES) sizes[measure]!.push(counts.get(measure) ?? 0);
    if (violation !== null) return { name, from, to, runs: seed - from + 1, failure: { seed, violation }, sizes };
  }
  return { name, from, to, runs: to - from, failure: null, sizes };
}

parentPort?.on('message', (range: SeedRange) => {
  void runSeeds(range).then((batch) => parentPort!.postMessage(batch));
});
