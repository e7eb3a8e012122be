/**
 * `npm run simulate -- --seeds COUNT [--from SEED]`: runs that many schedules of each simulation on all cores; `--seed N` runs one. What fails is made as small as can be, and told with its story and the
 * command that replays it. Exit code 0 when nothing failed, 1 when something did, 2 for a wrong call.
 *
 * --of log|groups|event-source|maintenance|whole   only this simulation
 * --of log|groups|event-source|delays|whole   only this simulation
 * --trace           with --seed: the whole story
 * --faults 3,17     with --seed: only these faults of requests happen, as a shrunk failure names them; `none` for none
 * --json            one object
 */
import { parseArgs } from 'node:util';
import { createLogUpdate } from 'log-update';
import { runRanges } from './seed-pool.ts';
import { MEASURES, type SeedBatch, type SeedRange } from './seed-worker.ts';
import { FAULTS_MOST, type ShrunkFailure, shrinkFailure, withoutAllBut } from './shrink-failure.ts';
import { type SimulationName, simulations } from './simulations.ts';

const SEEDS_AT_ONCE = 25;
const SHOWN_LINES = 60;
const NAMES = Object.keys(simulations) as SimulationName[];

/** What is to be done. */
interface Call {
  readonly names: readonly SimulationName[];
  readonly from: number;
  readonly to: number;
  readonly isOne: boolean;
  readonly faults: readonly number[] | null;
  readonly trace: boolean;
  readonly json: boolean;
}

function wrongCall(message: string): never {
  const names = Object.keys(simulations).join('|');
  console.error(
    `${message}\nnpm run simulate -- --seeds 1000 [--from 0] [--of ${names}], or --seed 17 [--trace] [--faults 3,17|none]`,
  );
  process.exit(2);
}

function readNumber(name: string, text: string): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 0 ? number : wrongCall(`--${name} is no number of a seed: ${text}`);
}

function readCall(): Call {
  const options = {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '0' },
    of: { type: 'string' },
    faults: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  } as const;
  try {
    const { seed, seeds, from: fromText, of, faults, trace, json } = parseArgs({ options }).values;
    if (of !== undefined && !NAMES.includes(of as SimulationName)) wrongCall(`There is no simulation ${of}.`);
    if ((seed === undefined) === (seeds === undefined)) wrongCall('Give --seed or --seeds.');
    const isOne = seed !== undefined;
    const from = isOne ? readNumber('seed', seed) : readNumber('from', fromText);
    const to = isOne ? from + 1 : from + readNumber('seeds', seeds!);
    const kept =
      faults === undefined ? null : faults === 'none' ? [] : faults.split(',').map((one) => readNumber('faults', one));
    return { names: of === undefined ? NAMES : [of as SimulationName], from, to, isOne, faults: kept, trace, json };
  } catch (error) {
    return wrongCall((error as Error).message);
  }
}

function* rangesOf({ names, from, to }: Call): Generator<SeedRange> {
  for (let start = from; start < to; start += SEEDS_AT_ONCE) {
    for (const name of names) yield { name, from: start, to: Math.min(to, start + SEEDS_AT_ONCE) };
  }
}

interface Tally {
  runs: number;
  failure: SeedBatch | null;
  readonly sizes: Map<string, number[]>;
}

/** Least, median and most. */
function spread(sizes: readonly number[]): { readonly least: number; readonly median: number; readonly most: number } {
  const sorted = sizes.toSorted((left, right) => left - right);
  return { least: sorted[0] ?? 0, median: sorted[sorted.length >> 1] ?? 0, most: sorted.at(-1) ?? 0 };
}

async function runMany(call: Call): Promise<ReadonlyMap<SimulationName, Tally>> {
  const tallies = new Map(call.names.map((name) => [name, { runs: 0, failure: null, sizes: new Map() } as Tally]));
  const startMs = performance.now();
  const total = (call.to - call.from) * call.names.length;
  const display = process.stderr.isTTY && !call.json ? createLogUpdate(process.stderr) : null;
  await runRanges(rangesOf(call), (batch) => {
    const tally = tallies.get(batch.name)!;
    tally.runs += batch.runs;
    if (batch.failure !== null) tally.failure ??= batch;
    for (const measure of MEASURES) {
      const sizes = tally.sizes.get(measure) ?? [];
      for (const size of batch.sizes[measure]!) sizes.push(size);
      tally.sizes.set(measure, sizes);
    }
    const runs = [...tallies.values()].reduce((sum, one) => sum + one.runs, 0);
    const perMinute = Math.round((runs * 60_000) / (performance.now() - startMs));
    display?.(
      `${runs.toLocaleString('en')} of ${total.toLocaleString('en')} schedules, ${perMinute.toLocaleString('en')} a minute`,
    );
  });
  display?.clear();
  return tallies;
}

function replayOf(name: SimulationName, { seed, needed }: ShrunkFailure): string {
  return `npm run simulate -- --of ${name} --seed ${seed} --faults ${needed.join(',') || 'none'} --trace`;
}

function tellFailure(name: SimulationName, failure: ShrunkFailure): void {
  const { seed, violation, faults, needed, trace } = failure;
  console.log(`\n${name}, seed ${seed}: ${violation}`);
  console.log(
    `It takes ${needed.length} of the ${faults} faults of that schedule. The story${trace.length > SHOWN_LINES ? `, its last ${SHOWN_LINES} of ${trace.length} lines` : ''}:\n`,
  );
  console.log(trace.slice(-SHOWN_LINES).join('\n'));
  console.log(`\nAgain: ${replayOf(name, failure)}`);
}

async function main(): Promise<void> {
  const call = readCall();
  if (call.isOne) return runOne(call);
  const startMs = performance.now();
  const tallies = await runMany(call);
  const minutes = (performance.now() - startMs) / 60_000;
  const failures: { readonly name: SimulationName; readonly failure: ShrunkFailure }[] = [];
  for (const [name, { failure }] of tallies) {
    if (failure !== null)
      failures.push({ name, failure: await shrinkFailure(simulations[name], failure.failure!.seed) });
  }
  const report = [...tallies].map(([name, { runs, sizes }]) => ({
    name,
    schedules: runs,
    ...Object.fromEntries([...sizes].map(([measure, some]) => [measure, spread(some)])),
  }));
  if (call.json) console.log(JSON.stringify({ from: call.from, to: call.to, minutes, report, failures }));
  else tellReport(tallies, minutes, failures);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

function tellReport(
  tallies: ReadonlyMap<SimulationName, Tally>,
  minutes: number,
  failures: readonly { readonly name: SimulationName; readonly failure: ShrunkFailure }[],
): void {
  for (const [name, { runs, sizes }] of tallies) {
    console.log(
      `${name.padEnd(12)} ${runs.toLocaleString('en').padStart(9)} schedules, ${Math.round(runs / minutes).toLocaleString('en')} a minute`,
    );
    for (const [measure, some] of sizes) {
      const { least, median, most } = spread(some);
      console.log(`  ${measure.padEnd(11)} ${least} to ${most}, half of them ${median} or more`);
    }
  }
  for (const { name, failure } of failures) tellFailure(name, failure);
  if (failures.length === 0) console.log('Nothing was broken.');
}

async function runOne({ names, from: seed, faults, trace: keepTrace, json }: Call): Promise<void> {
  const withoutFaults = faults === null ? new Set<number>() : withoutAllBut(FAULTS_MOST, faults);
  for (const name of names) {
    const { violation, digest, counts, trace } = await simulations[name](seed, { keepTrace, withoutFaults });
    if (json) console.log(JSON.stringify({ name, seed, violation, digest, counts: Object.fromEntries(counts), trace }));
    else {
      if (keepTrace) console.log(trace.join('\n'));
      const sizes = MEASURES.map((measure) => `${counts.get(measure) ?? 0} ${measure}`).join(', ');
      console.log(`${name}, seed ${seed}: ${violation ?? 'nothing was broken'} (${sizes}; ${digest.slice(0, 16)})`);
    }
    if (violation !== null) process.exitCode = 1;
    if (violation !== null && faults === null && !json) tellFailure(name, await shrinkFailure(simulations[name], seed));
  }
}

await main();
