import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { groupMutants } from '../group/simulation/mutants.ts';
import { mutants } from '../log/simulation/mutants.ts';
import type { Mutant } from './mutant.ts';
import { inCopy } from './try-mutant.ts';

function simulate(
  directory: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string }> {
  const main = join(directory, 'test/simulate/main.ts');
  const options = { maxBuffer: 64 * 1024 * 1024, timeout: 240_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], options, (error, out) =>
      resolve({ code: error === null ? 0 : Number(error.code), out }),
    );
  });
}

const named = (all: readonly Mutant[], name: string) => all.find((mutant) => mutant.name === name)!;

it.each([
  ['log', named(mutants, 'plain commit without NOT contains(tail, e1)'), 'Once'],
  ['log', named(mutants, '412 at a first attempt counts as ours'), 'Answer'],
  ['groups', named(groupMutants, 'commit without its number'), 'Fenced progress'],
] as const)('shrinks a failure of $0 and replays it: $1.name', async (of, mutant, rule) => {
  await inCopy(mutant, async (directory) => {
    const { code, out } = await simulate(directory, ['--seeds', '50', '--of', of, '--json']);
    expect(code).toBe(1);
    const [{ failure }] = JSON.parse(out).failures as [
      { failure: { seed: number; violation: string; faults: number; needed: number[]; trace: string[] } },
    ];
    expect(failure.violation.split(':')[0]).toBe(rule);
    expect(failure.needed.length).toBeLessThanOrEqual(Math.max(4, failure.faults / 4));
    expect(failure.trace.at(-1)).toContain(failure.violation);
    const faults = failure.needed.join(',') || 'none';
    const replay = ['--of', of, '--seed', String(failure.seed), '--faults', faults, '--trace'];
    const again = await simulate(directory, replay);
    expect(again.code).toBe(1);
    expect(again.out).toContain(`${of}, seed ${failure.seed}: ${failure.violation}`);
    expect(again.out).toContain(failure.trace.join('\n'));
    const whole = await simulate(directory, ['--of', of, '--seed', String(failure.seed)]);
    expect(whole.out).toContain(
      `Again: npm run simulate -- --of ${of} --seed ${failure.seed} --faults ${faults} --trace`,
    );
  });
});
