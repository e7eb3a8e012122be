import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LEAST } from './schedule-size.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function simulate(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('npm run simulate', () => {
  it('runs schedules of every simulation, and says how large they were', { timeout: 300_000 }, async () => {
    const { code, out } = await simulate('--seeds', '30', '--from', '5', '--json');
    const { report, failures } = JSON.parse(out) as { report: Record<string, never>[]; failures: unknown[] };
    expect([code, failures, report.map(({ name, schedules }) => [name, schedules])]).toEqual([
      0,
      [],
      [
        ['log', 30],
        ['groups', 30],
        ['gateway-groups', 30],
        ['gateway-produce', 30],
        ['event-source', 30],
        ['maintenance', 30],
        ['administration', 30],
        ['delays', 30],
        ['whole', 30],
      ],
    ]);
    for (const { partitions, clients, operations, faults } of report as unknown as Record<
      string,
      { least: number }
    >[]) {
      expect(partitions!.least).toBeGreaterThanOrEqual(LEAST.partitions);
      expect(clients!.least).toBeGreaterThanOrEqual(LEAST.clients);
      expect(operations!.least).toBeGreaterThanOrEqual(LEAST.operations);
      expect(faults!.least).toBeGreaterThanOrEqual(LEAST.faults);
    }
  });

  it('tells the same story of a seed, byte for byte, in another process', { timeout: 120_000 }, async () => {
    for (const seed of ['3', '11', '54']) {
      const [one, other] = [await simulate('--seed', seed, '--trace'), await simulate('--seed', seed, '--trace')];
      expect(one.out.length).toBeGreaterThan(10_000);
      expect(other).toEqual(one);
    }
  });

  it('leaves out the faults that it is told to', async () => {
    const { out } = await simulate('--seed', '17', '--of', 'log', '--faults', 'none');
    expect(out).toMatch(/^log, seed 17: nothing was broken \(.* 0 faults; /);
    const some = await simulate('--seed', '17', '--of', 'log', '--faults', '0,1,2');
    expect(some.out).toContain(' 3 faults;');
  });

  it.each([
    [[], 'Give --seed or --seeds'],
    [['--seed', '1', '--seeds', '2'], 'Give --seed or --seeds'],
    [['--seed', 'x'], 'no number of a seed: x'],
    [['--seed', '1', '--of', 'logs'], 'no simulation logs'],
    [['--sed', '1'], '--sed'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await simulate(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});
