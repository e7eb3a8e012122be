/** What no test can provoke without a file system of its own: a disk that is full, and one that may only be read. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cliStage } from './cli-stage.ts';

const mount = (...args: readonly string[]): void => void execFileSync('mount', args, { stdio: 'pipe' });

/** A file system of 3 MB, or null where this user may not mount one (root on Linux may). */
function mountSmall(): string | null {
  const at = mkdtempSync(path.join(tmpdir(), 'millrace-disk-'));
  try {
    mount('-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', at);
    return at;
  } catch {
    rmSync(at, { recursive: true });
    return null;
  }
}

const disk = mountSmall();

describe.runIf(disk !== null)('a disk of 3 MB', () => {
  const at = disk ?? '';
  const store = ['--store', `file:${at}/store`];

  afterAll(() => {
    execFileSync('umount', ['-l', at]);
    rmSync(at, { recursive: true });
  });

  it('is full at some line: what came before is there, and the cause is told, not its consequences', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'a', ...store]);
    const lines = Array.from({ length: 60 }, () => randomBytes(75_000).toString('base64'));
    const full = await failure(['produce', 'a', ...store], { stdin: lines.join('\n') });
    expect(full).toMatchObject({ status: 1, code: 'STORE_FULL', hint: expect.stringContaining('Free some space') });
    const sent = full.records as number;
    expect(full.line).toBe(sent + 1);
    const read = (await ok(['consume', 'a', '-e', ...store])).trimEnd().split('\n');
    expect(read).toEqual(lines.slice(0, sent));
  });

  it('may be read when it must not be written', async () => {
    const { run, failure } = await cliStage();
    mount('-o', 'remount,ro', at);
    const refused = await failure(['topic', 'list', ...store]);
    expect(refused).toMatchObject({ status: 1, code: 'STORE_READ_ONLY' });
    expect(refused.hint).toContain(`--store 'file:${at}/store?readOnly=true'`);
    const { status } = await run(['consume', 'a', '-e', '--store', `file:${at}/store?readOnly=true`]);
    expect(status).toBe(0);
  });
});
