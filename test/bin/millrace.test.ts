import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Run {
  readonly status: number | null;
  readonly output: string;
  readonly complaint: string;
}

async function run(entry: string, args: readonly string[], { closePipe = false } = {}): Promise<Run> {
  const child = spawn(process.execPath, [entry, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  if (closePipe) child.stdout.destroy();
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output, complaint };
}

describe('the command', () => {
  it('prints its help and ends well', async () => {
    const { status, output, complaint } = await run('bin/millrace.ts', ['--help']);
    expect({ status, complaint }).toEqual({ status: 0, complaint: '' });
    for (const command of ['topic', 'produce', 'consume', 'inspect']) expect(output).toContain(command);
  });

  it('passes on the exit code and keeps complaints off its output', async () => {
    const { status, output, complaint } = await run('bin/millrace.ts', ['no-such-command']);
    expect({ status, output }).toEqual({ status: 2, output: '' });
    expect(complaint).toContain('no-such-command');
  });

  it('ends quietly and well when nobody reads its output any more', async () => {
    const { status, complaint } = await run('bin/millrace.ts', ['--help'], { closePipe: true });
    expect({ status, complaint }).toEqual({ status: 0, complaint: '' });
  });

  it('is the same when it is started by npx in a clone', async () => {
    const sources = await run('bin/millrace.ts', ['--help']);
    expect(await run('bin/millrace.mjs', ['--help'])).toEqual(sources);
    expect((await run('bin/millrace.mjs', ['no-such-command'])).status).toBe(2);
  });
});
