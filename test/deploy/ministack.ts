/** An emulator of AWS that runs functions, stream mappings and schedules: MiniStack under `tools/ministack/launch.py`, or what AWS_ENDPOINT_URL names. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { ACCOUNT, freePort, givenServer, ROOT, type Server } from '../aws/server-process.ts';

const PYTHON = `${ROOT}.cache/ministack/bin/python`;
/** The Node that functions run on: the one that runs the tests, which comes first in the path. */
const NODE = join(process.execPath, '..');
const READY_MS = 60_000;
const POLL_MS = 50;

/** Starts it, on a port and in a folder of its own. Its functions end with it. strict: policies are enforced. */
export async function startDeployEmulator({ strict = false } = {}): Promise<Server> {
  const given = givenServer('all');
  if (given) return given;
  if (!existsSync(PYTHON)) throw new TypeError('MiniStack is not installed; npm run test:deploy says how');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-deploy-'));
  // Whatever lies above the folder must not say of which kind the emulator's own modules are.
  writeFileSync(join(folder, 'package.json'), '{}');
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(PYTHON, [`${ROOT}tools/ministack/launch.py`], {
    // Its functions belong to its group, so that they can be ended with it.
    detached: true,
    stdio: process.env.MILLRACE_TEST_EMULATOR_LOG ? 'inherit' : 'ignore',
    env: {
      PATH: `${NODE}:${process.env.PATH}`,
      HOME: folder,
      TMPDIR: folder,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      GATEWAY_PORT: `${port}`,
      LOG_LEVEL: process.env.MILLRACE_TEST_EMULATOR_LOG ? 'INFO' : 'ERROR',
      AWS_ACCESS_KEY_ID: ACCOUNT.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ACCOUNT.secretAccessKey,
      ...(strict && { AUTH: 'true' }),
    },
  });
  const kill = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const stop = async () => {
    process.off('exit', kill);
    kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const lateMs = clock.monotonicMs() + READY_MS;
  while (!(await isReady(endpoint))) {
    if (child.exitCode !== null || clock.monotonicMs() > lateMs) {
      await stop();
      throw new MillraceError('STORE_UNAVAILABLE', `MiniStack did not start (exit code ${child.exitCode})`);
    }
    await clock.sleep(POLL_MS);
  }
  return { endpoint, stop };
}

async function isReady(endpoint: string): Promise<boolean> {
  const answer = await fetch(`${endpoint}/_ministack/health`).catch(() => null);
  return answer?.ok === true;
}
