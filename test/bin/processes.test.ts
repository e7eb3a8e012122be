/** What only real processes have: pipes, signals, two of them on one store. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../cli/cli-stage.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly said: { output: string; complaint: string };
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

function start(store: string, ...args: readonly string[]): Started {
  const child = spawn(process.execPath, ['bin/millrace.mjs', '--store', store, ...args], { cwd: root });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { output: '', complaint: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.complaint += text;
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, said, ended };
}

async function run(store: string, args: readonly string[], stdin = ''): Promise<string> {
  const { child, said, ended } = start(store, ...args);
  child.stdin!.end(stdin);
  expect({ ended: await ended, complaint: said.complaint }).toEqual({ ended: 0, complaint: '' });
  return said.output;
}

/** A store with topic `a`. */
async function newStore(...options: readonly string[]): Promise<string> {
  const store = `file:${await temporaryDirectory()}/store`;
  await run(store, ['topic', 'create', 'a', ...options]);
  return store;
}

describe('processes', () => {
  it('use one store at once: one follows while two others write', async () => {
    const store = await newStore('-P', '2');
    const reader = start(store, 'consume', 'a', '-n', '40', '-f', '%p:%o:%s\\n');
    const lines = (name: string) => Array.from({ length: 20 }, (_, n) => `${name}${n}`);
    const writers = ['x', 'y'].map((name, partition) =>
      run(store, ['produce', 'a', '-p', String(partition)], lines(name).join('\n')),
    );
    await Promise.all(writers);
    expect(await reader.ended).toBe(0);
    const read = reader.said.output.trimEnd().split('\n');
    for (const [partition, name] of ['x', 'y'].entries()) {
      const own = read.filter((line) => line.startsWith(`${partition}:`));
      expect(own).toEqual(lines(name).map((line, offset) => `${partition}:${offset}:${line}`));
    }
  });

  it('end quietly and well when the pipe behind them is closed', async () => {
    const store = await newStore();
    await run(store, ['produce', 'a'], 'a line of some length\n'.repeat(50_000));
    for (const args of [
      ['consume', 'a', '-e'],
      ['consume', 'a'],
    ]) {
      const { child, said, ended } = start(store, ...args);
      await once(child.stdout!, 'data');
      child.stdout!.destroy();
      expect({ ended: await ended, complaint: said.complaint }).toEqual({ ended: 0, complaint: '' });
    }
  });

  it('end quietly by Ctrl-C in consume', async () => {
    const store = await newStore();
    await run(store, ['produce', 'a'], 'x\n');
    const { child, said, ended } = start(store, 'consume', 'a');
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    expect({ ended: await ended, ...said }).toEqual({ ended: 'SIGINT', output: 'x\n', complaint: '' });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s in produce end with what was read in the log', async (signal, status) => {
    const store = await newStore();
    const reader = start(store, 'consume', 'a');
    const { child, said, ended } = start(store, 'produce', 'a');
    child.stdin!.write('1\n2\npart of a li');
    await expect.poll(() => reader.said.output, { timeout: 20_000 }).toBe('1\n2\n');
    child.kill(signal);
    expect({ ended: await ended, ...said }).toEqual({
      ended: status,
      output: '',
      complaint: `millrace: ended by ${signal}\n2 records were sent.\n`,
    });
    expect(await run(store, ['consume', 'a', '-e'])).toBe('1\n2\n');
  });

  it('that are killed in produce leave no line twice and none half', async () => {
    const store = await newStore();
    const { child, ended } = start(store, 'produce', 'a');
    const reader = start(store, 'consume', 'a');
    let line = 0;
    const more = () => {
      while (!child.stdin!.destroyed && line < 300_000 && child.stdin!.write(`line ${line++}\n`));
    };
    child.stdin!.on('drain', more);
    more();
    await once(reader.child.stdout!, 'data');
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    const read = (await run(store, ['consume', 'a', '-e'])).trimEnd().split('\n');
    expect(read).toEqual(Array.from(read, (_, n) => `line ${n}`));
    await run(store, ['produce', 'a'], 'and on\n');
    expect(await run(store, ['consume', 'a', '-e', '-o', '-1'])).toBe('and on\n');
  });
});
