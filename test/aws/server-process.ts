/**
 * Servers that tests start, on ports of their own, on 127.0.0.1 alone; they end with the test file that started them.
 *
 * With AWS_ENDPOINT_URL set (or AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_DYNAMODB) nothing is started: the tests use what answers there, under names of their own,
 * and remove what they made.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { systemClock as clock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';

/** The project's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 20_000;
const POLL_MS = 10;

/** What servers that are started here are started with, or take. */
export const ACCOUNT = { accessKeyId: 'test', secretAccessKey: 'testtest1' };

const ENDPOINTS = ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_DYNAMODB'];

// The SDK reads these when a client is made. Whoever names no endpoint may have real credentials, which have no business here.
process.env.AWS_REGION ??= 'us-east-1';
if (!ENDPOINTS.some((name) => process.env[name])) {
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN']) delete process.env[name];
  process.env.AWS_ACCESS_KEY_ID = ACCOUNT.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = ACCOUNT.secretAccessKey;
}

/** A server that a test started. */
export interface Server {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Starts a program and waits until it takes connections. */
export async function startServer(
  program: string,
  args: (port: number) => readonly string[],
  environment: (port: number) => NodeJS.ProcessEnv = () => ({}),
): Promise<Server> {
  if (!existsSync(program)) {
    throw new MillraceError('STORE_MISSING', `${program} is not there`, { hint: 'npm test installs it.' });
  }
  const port = await freePort();
  const child = spawn(program, args(port), { stdio: 'ignore', env: { ...process.env, ...environment(port) } });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('error', kill);
  const startedMs = clock.monotonicMs();
  while (!(await accepts(port))) {
    const late = clock.monotonicMs() - startedMs > READY_MS;
    if (late || child.exitCode !== null) {
      await stopProcess(child);
      throw new MillraceError('STORE_UNAVAILABLE', `${program} did not start (exit code ${child.exitCode})`);
    }
    await clock.sleep(POLL_MS);
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async stop() {
      process.off('exit', kill);
      await stopProcess(child);
    },
  };
}

/** The server that is named by the environment instead of being started. */
export function givenServer(service: 'S3' | 'DYNAMODB' | 'all'): Server | undefined {
  const endpoint = process.env[`AWS_ENDPOINT_URL_${service}`] || process.env.AWS_ENDPOINT_URL;
  return endpoint ? { endpoint, async stop() {} } : undefined;
}

/** Names that nobody else uses, within what buckets and tables may be called. */
export const freshContainer = (): string => `millrace-test-${randomUUID()}`;
