import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../cli/cli-stage.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = path.join(root, 'examples/start.ts');

/** What the npm package holds. */
const DELIVERIES = 329;

interface Run {
  readonly output: string;
  readonly complaint: string;
  /** Exit code, or the signal that ended it. */
  readonly ended: number | string;
}

/** Runs the job; when it has printed `at`, it is sent `signal`, once. */
async function start(
  args: readonly string[],
  stop?: { readonly at: RegExp; readonly signal: NodeJS.Signals },
): Promise<Run> {
  const child = spawn(process.execPath, [ENTRY, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  let complaint = '';
  let isStopped = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (stop?.at.test(output) && !isStopped) isStopped = child.kill(stop.signal);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { output, complaint, ended: code ?? signal! };
}

async function newData(): Promise<string> {
  return path.join(await temporaryDirectory(), 'data');
}

const toNumber = (text: string | undefined): number => Number(text?.replaceAll(',', ''));

/** `A of B records audited: all in order`, which is also what it must say. */
function audited({ output }: Run): { readonly audited: number; readonly total: number } {
  const match = /^([\d,]+) of ([\d,]+) records audited: all in order/m.exec(output);
  return { audited: toNumber(match?.[1]), total: toNumber(match?.[2]) };
}

const found = ({ output }: Run): number => toNumber(/holds ([\d,]+) records/.exec(output)?.[1]);

/** The last that a run said was acknowledged. */
const acknowledged = ({ output }: Run): number =>
  Math.max(0, ...[...output.matchAll(/acknowledged ([\d,]+)/g)].map(([, count]) => toNumber(count)));

/** Sum of the table of events, whose counts stand in every second column. */
function countedEvents({ output }: Run): number {
  const [, table = ''] = output.split('Events by type');
  const cells = table.split('Partitions of')[0]!.matchAll(/│ +[a-z][a-z_0-9]* +│ +([\d,]+) /g);
  return [...cells].reduce((sum, [, count]) => sum + toNumber(count), 0);
}

describe('the main job', () => {
  it('runs, and goes on where it ended', async () => {
    const data = await newData();
    const first = await start(['--rounds', '3', '--data', data]);
    expect(first).toMatchObject({ ended: 0, complaint: '' });
    expect(first.output).toContain('A new log in');
    expect(audited(first)).toEqual({ audited: 3 * DELIVERIES, total: 3 * DELIVERIES });
    expect(countedEvents(first)).toBe(3 * DELIVERIES);
    const second = await start(['--rounds', '2', '--data', data]);
    expect(second).toMatchObject({ ended: 0, complaint: '' });
    expect(found(second)).toBe(3 * DELIVERIES);
    expect(audited(second)).toEqual({ audited: 5 * DELIVERIES, total: 5 * DELIVERIES });
    expect(countedEvents(second)).toBe(5 * DELIVERIES);
  });

  it('prints plain lines without a terminal, and what it asked of the stores', async () => {
    const { output } = await start(['--rounds', '3', '--data', await newData()]);
    // Neither colours nor a cursor that moves.
    expect(output).not.toContain('\x1b');
    expect(output).not.toContain('\r');
    expect(output).toMatch(/^\d+\.\d s: sent [\d,]+, acknowledged [\d,]+, counted [\d,]+, audited [\d,]+ of 987$/m);
    for (const row of ['segment PUT', 'segment GET', 'item writes', 'item reads']) {
      expect(output).toMatch(new RegExp(`^│ ${row} +│ +[1-9]`, 'm'));
    }
    expect(output).toMatch(/^At AWS prices .* cost \$0\.0\d+ — \$\d+\.\d+ per million records produced\.$/m);
  });

  it('stops in order at Ctrl-C, with exit code 0, and the next run proves the totals', async () => {
    const data = await newData();
    const stopped = await start(['--rounds', '100000', '--data', data], { at: /counted [1-9]/, signal: 'SIGINT' });
    expect(stopped).toMatchObject({ ended: 0, complaint: '' });
    expect(stopped.output).toContain('Stopped by Ctrl-C');
    const { total } = audited(stopped);
    expect(total).toBeGreaterThan(0);
    const next = await start(['--rounds', '1', '--data', data]);
    expect(found(next)).toBe(total);
    expect(audited(next)).toEqual({ audited: total + DELIVERIES, total: total + DELIVERIES });
    expect(countedEvents(next)).toBe(total + DELIVERIES);
  }, 120_000);

  it('loses nothing that it said was acknowledged when it is killed, at three moments', async () => {
    const data = await newData();
    let known = 0;
    // Before anything is there, as soon as something is, and a while after.
    for (const at of [/Producing/, /acknowledged [1-9]/, /acknowledged [1-9].*\n.* s: .*\n.* s: /]) {
      const killed = await start(['--rounds', '100000', '--data', data], { at, signal: 'SIGKILL' });
      expect(killed.ended).toBe('SIGKILL');
      known = Math.max(known, found(killed) || 0) + acknowledged(killed);
    }
    const proof = await start(['--rounds', '0', '--data', data]);
    expect(proof).toMatchObject({ ended: 0, complaint: '' });
    const { total } = audited(proof);
    expect(total).toBeGreaterThanOrEqual(known);
    expect(audited(proof).audited).toBe(total);
    expect(countedEvents(proof)).toBe(total);
  }, 120_000);

  it('may run twice at once', async () => {
    const data = await newData();
    const runs = await Promise.all([1, 2].map(() => start(['--rounds', '8', '--data', data])));
    for (const run of runs) {
      expect(run).toMatchObject({ ended: 0, complaint: '' });
      expect(audited(run).audited).toBeGreaterThanOrEqual(8 * DELIVERIES);
    }
    const after = await start(['--rounds', '1', '--data', data]);
    expect(found(after)).toBe(16 * DELIVERIES);
    expect(audited(after)).toEqual({ audited: 17 * DELIVERIES, total: 17 * DELIVERIES });
    expect(countedEvents(after)).toBe(17 * DELIVERIES);
  }, 120_000);

  it.each([
    [['--foo'], 'there is no option --foo'],
    [['--round', '3'], 'did you mean --rounds?'],
    [['--rounds', 'x'], '--rounds needs a number from 0, not x'],
    [['--rounds', '-1'], '--rounds needs a number from 0'],
    [['--rounds', '1.5'], '--rounds needs a number from 0, not 1.5'],
    [['--rounds'], '--rounds needs a number from 0\n'],
    [['--data', ''], '--data needs a directory'],
    [['more'], 'more is no option'],
  ])('refuses %j with exit code 2', async (args, problem) => {
    const { ended, output, complaint } = await start(args);
    expect({ ended, output }).toEqual({ ended: 2, output: '' });
    expect(complaint).toContain(problem);
    expect(complaint).toContain('Usage: npm start');
  });

  it('says what is wrong with a store that it cannot use', async () => {
    const { ended, output, complaint } = await start(['--data', ENTRY]);
    expect({ ended, output }).toEqual({ ended: 1, output: '' });
    expect(complaint).toMatch(/^INVALID_REQUEST: .*\nA file stands where the store needs a directory.*\n$/);
  });
});

/** util-linux has a `script` that runs a command on a terminal of its own. */
function canOpenTerminal(): boolean {
  try {
    return /util-linux/.test(execFileSync('script', ['--version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}

describe.runIf(canOpenTerminal())('the main job on a terminal', () => {
  it('draws its progress again and again, and leaves the last state', async () => {
    const command = `"${process.execPath}" "${ENTRY}" --rounds 10 --data "${await newData()}"`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let screen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
    });
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(screen.match(/acknowledged +[█░]{30}/g)?.length).toBeGreaterThan(1);
    expect(screen).toContain('\x1b[');
    expect(screen).toMatch(/audited +█{30} +3,290 of 3,290/);
    expect(screen).toContain('3,290 of 3,290 records audited: all in order');
  });
});
