import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ready = fileURLToPath(new URL('../../tools/ready.mjs', import.meta.url));
const lockedPackages = {
  '': {},
  'node_modules/one': { version: '1.0.0' },
  'node_modules/far': { version: '1.0.0', optional: true, os: ['plan9'], cpu: ['mips'] },
};

let clone = '';

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'millrace-ready-'));
  mkdirSync(join(clone, 'tools'));
  copyFileSync(ready, join(clone, 'tools/ready.mjs'));
  lock(lockedPackages);
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

function lock(packages: object, path = 'package-lock.json'): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), JSON.stringify({ packages }));
}

/** A program that stands on PATH before all others. */
function program(path: string, script: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), `#!/bin/sh\n${script}\n`);
  chmodSync(join(clone, path), 0o755);
}

/** An npm that notes what it was asked and installs what the lockfile names. */
const npmThatInstalls =
  'echo "$@" >> npm-was-asked; mkdir -p node_modules; cp package-lock.json node_modules/.package-lock.json';

function makeReady(): { status: number | null; said: string; output: string } {
  const { npm_execpath: _, ...env } = process.env;
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(clone, 'tools/ready.mjs')], {
    encoding: 'utf8',
    env: { ...env, PATH: [join(clone, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(':') },
  });
  return { status, said: stderr, output: stdout };
}

describe('ready.mjs', () => {
  it('installs once, says so in one line on stderr, and is silent from then on', () => {
    program('bin/npm', npmThatInstalls);
    const first = makeReady();
    expect(first).toMatchObject({ status: 0, output: '' });
    expect(first.said).toMatch(/^Installing 1 package with npm ci: [^\n]*\n$/);
    rmSync(join(clone, 'npm-was-asked'));
    expect(makeReady()).toEqual({ status: 0, said: '', output: '' });
    expect(existsSync(join(clone, 'npm-was-asked'))).toBe(false);
  });

  it('is content with packages that somebody else installed', () => {
    lock(lockedPackages, 'node_modules/.package-lock.json');
    expect(makeReady()).toEqual({ status: 0, said: '', output: '' });
  });

  it('installs again when the lockfile names another version', () => {
    program('bin/npm', npmThatInstalls);
    makeReady();
    lock({ ...lockedPackages, 'node_modules/one': { version: '1.0.1' } });
    expect(makeReady().said).toContain('Installing 1 package');
  });

  it('asks once, not forever, for an optional package that npm gives up on', () => {
    const optional = { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] };
    lock(lockedPackages, 'node_modules/.package-lock.json');
    lock({ ...lockedPackages, 'node_modules/native': optional });
    program('bin/npm', 'exit 0');
    expect(makeReady().said).toContain('Installing 1 package');
    expect(makeReady().said).toBe('');
  });

  it.each([
    ['npm error code ENOTFOUND', 'registry did not answer'],
    ['npm error code ENOSPC', 'disk is full'],
    ['npm error code EACCES', 'may not write'],
    ['npm error code EUSAGE', 'npm install'],
    ['npm error something new', 'messages are above'],
  ])('says what to do about "%s"', (complaint, advice) => {
    program('bin/npm', `echo "${complaint}" >&2; exit 1`);
    const { status, said } = makeReady();
    expect(status).toBe(1);
    expect(said).toContain(complaint);
    expect(said).toContain(advice);
  });

  it('refuses a Node that cannot run the sources, and names the one it needs', () => {
    lock(lockedPackages, 'node_modules/.package-lock.json');
    program('node_modules/.bin/node', 'echo v20.1.0');
    const { status, said } = makeReady();
    expect(status).toBe(1);
    expect(said).toMatch(/Node 22\.18 or newer and found 20\.1\.0/);
  });

  it("falls back to the machine's Node when the project's was built for another C library", () => {
    lock(lockedPackages, 'node_modules/.package-lock.json');
    program('node_modules/.bin/node', 'exit 127');
    program('bin/node', 'echo v24.0.0');
    expect(makeReady()).toMatchObject({ status: 0, said: '' });
    expect(existsSync(join(clone, 'node_modules/.bin/node'))).toBe(false);
  });

  it('says which file is missing when there is no lockfile', () => {
    rmSync(join(clone, 'package-lock.json'));
    const { status, said } = makeReady();
    expect(status).toBe(1);
    expect(said).toContain('package-lock.json is missing');
  });

  it('runs in a shell of its own, since a shell remembers the Node that it has found', () => {
    const { scripts } = JSON.parse(readFileSync(join(ready, '../../package.json'), 'utf8'));
    const makesReady = Object.entries<string>(scripts).filter(([, script]) => script.includes('ready.mjs'));
    expect(makesReady.length).toBeGreaterThan(0);
    for (const [name, script] of makesReady) expect([name, script]).toEqual([name, 'node tools/ready.mjs']);
  });
});
