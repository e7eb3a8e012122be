/** MiniStack as a process: an emulator of AWS that runs functions, stream mappings and schedules, started by `launch.py`. `install.ts` has it installed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock as clock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PYTHON = join(ROOT, '.cache/ministack/bin/python');
/** The Node that functions run on: the one that runs this, which comes first in the path. */
const NODE = join(process.execPath, '..');
const READY_MS = 60_000;
const POLL_MS = 50;

/** How it is started. */
export interface MiniStackOptions {
  readonly port: number;
  /** Of its owner, whom no policy binds. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Whether policies are enforced. Default false. */
  readonly isStrict?: boolean;
  /** Whether it writes what it does to this process's own output. Default false. */
  readonly isLogged?: boolean;
}

/** An emulator that runs. */
export interface MiniStack {
  readonly endpoint: string;
  /** Settles when it has ended, by whomever. */
  readonly ended: Promise<void>;
  /** Ends it and its functions, with all that they hold. */
  stop(): Promise<void>;
}

/** Starts it on 127.0.0.1, in a folder of its own. Its functions end with it. Throws STORE_MISSING where it is not installed, STORE_UNAVAILABLE where it does not answer within a minute. */
export async function startMiniStack(options: MiniStackOptions): Promise<MiniStack> {
  if (!existsSync(PYTHON)) {
    throw new MillraceError('STORE_MISSING', 'MiniStack is not installed', { hint: 'npm run emulator installs it.' });
  }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-deploy-'));
  // Whatever lies above the folder must not say of which kind the emulator's own modules are.
  writeFileSync(join(folder, 'package.json'), '{}');
  const child = spawn(PYTHON, [join(ROOT, 'tools/ministack/launch.py')], {
    // Its functions belong to its group, so that they can be ended with it.
    detached: true,
    stdio: options.isLogged ? 'inherit' : 'ignore',
    env: environmentOf(options, folder),
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
  const endpoint = `http://127.0.0.1:${options.port}`;
  const lateMs = clock.monotonicMs() + READY_MS;
  while (!(await isReady(endpoint))) {
    if (child.exitCode !== null || clock.monotonicMs() > lateMs) {
      await stop();
      throw new MillraceError('STORE_UNAVAILABLE', `MiniStack did not start (exit code ${child.exitCode})`);
    }
    await clock.sleep(POLL_MS);
  }
  return { endpoint, ended, stop };
}

function environmentOf(options: MiniStackOptions, folder: string): NodeJS.ProcessEnv {
  return {
    PATH: `${NODE}:${process.env.PATH}`,
    HOME: folder,
    TMPDIR: folder,
    BIND_HOST: '127.0.0.1',
    MINISTACK_HOST: '127.0.0.1',
    GATEWAY_PORT: `${options.port}`,
    LOG_LEVEL: options.isLogged ? 'INFO' : 'ERROR',
    AWS_ACCESS_KEY_ID: options.accessKeyId,
    AWS_SECRET_ACCESS_KEY: options.secretAccessKey,
    ...(options.isStrict && { AUTH: 'true' }),
  };
}

async function isReady(endpoint: string): Promise<boolean> {
  const answer = await fetch(`${endpoint}/_ministack/health`).catch(() => null);
  return answer?.ok === true;
}
