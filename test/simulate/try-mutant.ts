/** Runs the simulation, or one test, over a copy of the sources in which one thing is changed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';
import type { SimulationName } from './simulations.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  ...[
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
    'lib',
    'test/log',
    'test/group',
    'test/gateway',
    'test/client',
    'test/simulate',
    'test/whole',
    'test/event-source',
    'test/maintenance',
    'test/delay',
    'test/history',
  ],
  'test/segment/fake-clock.ts',
];
/** Where seeds are run. */
const SCRIPT = 'test/simulate/run-seeds.ts';

/** How a mutant was noticed. */
export interface Verdict {
  /** What the simulation said; null when it noticed nothing. */
  readonly caughtBy: string | null;
  /** How many seeds that took, or how many were run. */
  readonly seeds: number;
}

const TIMEOUT_MS = 300_000;
/** A seed that takes as long does not end; one takes less than a second on an idle machine. */
const ENDLESS_MS = 100_000;
const OPTIONS = { timeout: TIMEOUT_MS, env: { ...process.env, NODE_OPTIONS: '' } };

/** The copy with the mutant in it. Throws when the place that it changes is not there exactly once. */
async function makeCopy(directory: string, { file, from, to, name }: Mutant): Promise<void> {
  for (const path of COPIED) await cp(join(root, path), join(directory, path), { recursive: true });
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  const source = await readFile(join(directory, file), 'utf8');
  const parts = source.split(from);
  assert.equal(parts.length, 2, `${name}: «${from}» stands ${parts.length - 1} times in ${file}`);
  await writeFile(join(directory, file), parts.join(to));
}

/** Runs seeds from 0 until one notices the mutant, at most `seeds`. A seed that does not end or that dies is noticed too; a run that was only too slow has noticed nothing. */
export async function tryMutant(mutant: Mutant, name: SimulationName, seeds: number): Promise<Verdict> {
  return inCopy(mutant, (directory) =>
    mutant.test === undefined ? runSeeds(directory, name, seeds) : runTest(directory, mutant.test),
  );
}

/** Does something in a copy of the sources in which the mutant is. */
export async function inCopy<T>(mutant: Mutant, body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-mutant-'));
  try {
    await makeCopy(directory, mutant);
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What `run-seeds.ts` prints at the end. */
interface Found {
  readonly found: { readonly seed: number; readonly violation: string } | null;
}

/** What it prints before each seed. */
interface Began {
  readonly seed: number;
  readonly beganMs: number;
}

function runSeeds(directory: string, name: SimulationName, seeds: number): Promise<Verdict> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(directory, SCRIPT), name, '0', String(seeds)], OPTIONS, (error, stdout) => {
      const last = JSON.parse(stdout.trim().split('\n').at(-1) || '{}') as Partial<Found & Began>;
      const { found, seed = 0, beganMs = 0 } = last;
      if (found !== undefined)
        resolve(found === null ? { caughtBy: null, seeds } : { caughtBy: found.violation, seeds: found.seed + 1 });
      else if (error?.killed && TIMEOUT_MS - beganMs < ENDLESS_MS) resolve({ caughtBy: null, seeds: seed });
      else resolve({ caughtBy: `died in seed ${seed}: ${String(error).slice(0, 300)}`, seeds: seed + 1 });
    });
  });
}

/** A test that cannot even be run notices nothing. */
function runTest(directory: string, test: string): Promise<Verdict> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const options = { ...OPTIONS, cwd: directory };
  return new Promise((resolve) => {
    execFile(process.execPath, [vitest, 'run', '--project', 'unit', test], options, (error, stdout) => {
      const failed = error !== null && /Tests .*\d+ failed/.test(stdout);
      resolve({ caughtBy: failed ? test : null, seeds: 0 });
    });
  });
}
