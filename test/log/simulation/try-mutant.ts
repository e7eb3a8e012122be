/** Runs the simulation over a copy of the sources in which one thing is changed. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const COPIED = ['package.json', 'lib', 'test/log/faulty-store.ts', 'test/log/simulation'];

/** How a mutant was noticed. */
export interface Verdict {
  /** What the simulation said; null when it noticed nothing. */
  readonly caughtBy: string | null;
  /** How many seeds that took, or all. */
  readonly seeds: number;
}

/** The copy with the mutant in it. Throws when the place that it changes is not there exactly once. */
async function makeCopy(directory: string, { file, from, to, name }: Mutant): Promise<void> {
  for (const path of COPIED) await cp(join(root, path), join(directory, path), { recursive: true });
  const source = await readFile(join(directory, file), 'utf8');
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`${name}: «${from}» stands ${parts.length - 1} times in ${file}`);
  await writeFile(join(directory, file), parts.join(to));
}

/** Runs seeds from 0 until one notices the mutant, at most `seeds`. A run that does not end or that dies is noticed too. */
export async function tryMutant(mutant: Mutant, seeds: number): Promise<Verdict> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-mutant-'));
  try {
    await makeCopy(directory, mutant);
    const script = join(directory, 'test/log/simulation/run-seeds.ts');
    return await new Promise((resolve) => {
      const options = { timeout: 300_000, env: { ...process.env, NODE_OPTIONS: '' } };
      execFile(process.execPath, [script, '0', String(seeds)], options, (error, stdout) => {
        const last = stdout.trim().split('\n').at(-1) ?? '';
        if (error || !last.startsWith('{')) return resolve({ caughtBy: `died: ${String(error).slice(0, 300)}`, seeds });
        const { found } = JSON.parse(last) as { found: { seed: number; violation: string } | null };
        resolve(found ? { caughtBy: found.violation, seeds: found.seed + 1 } : { caughtBy: null, seeds });
      });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
