/** A mutant that cannot be made notices nothing: what each of them changes has to be there, once. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Mutant } from './mutant.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LISTS = globSync('test/**/{mutants,*-mutants}.ts', { cwd: root }).sort();

async function mutantsOf(path: string): Promise<readonly Mutant[]> {
  const lists: Record<string, readonly Mutant[]> = await import(join(root, path));
  return Object.values(lists).flat();
}

it('finds the lists', () => {
  expect(LISTS.length).toBeGreaterThanOrEqual(10);
});

describe.each(LISTS)('the mutants of %s', async (path) => {
  const mutants = await mutantsOf(path);

  it('are there', () => {
    expect(mutants).not.toEqual([]);
  });

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s', (_, { file, from, to, test }) => {
    const times = readFileSync(join(root, file), 'utf8').split(from).length - 1;
    expect(times, `«${from}» stands ${times} times in ${file}`).toBe(1);
    expect(to).not.toBe(from);
    if (test !== undefined) expect(globSync(test, { cwd: root })).toEqual([test]);
  });
});
