/** The S3 server of the emulator tests: versitygw, built once from the Go module proxy into `.cache/bin`. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const MODULE = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const BUILD_TIMEOUT_MS = 8 * 60_000;
const HEARTBEAT_MS = 30_000;

/** Where the server is, or why there is none and what to do about it. */
export type Versitygw =
  | { readonly state: 'ready'; readonly path: string }
  | { readonly state: 'absent'; readonly reason: string; readonly enable: string };

/**
 * The server that `MILLRACE_TEST_S3_BIN` names, else the one in `.cache/bin`, else one built there now, which needs Go and takes 1–2 minutes
 * once. `say` gets a line about what is going on.
 */
export async function ensureVersitygw(root: string, say: (line: string) => void): Promise<Versitygw> {
  const given = process.env.MILLRACE_TEST_S3_BIN;
  if (given) return existsSync(given) ? { state: 'ready', path: given } : absentAt(given);
  const folder = join(root, '.cache', 'bin');
  const path = join(folder, 'versitygw');
  if (existsSync(path)) return { state: 'ready', path };
  if (process.platform === 'win32') {
    return absent(
      'versitygw, the S3 server of these tests, does not run on Windows',
      'npm test (on Linux or macOS, with Go)',
    );
  }
  if (spawnSync('go', ['version']).status !== 0) {
    return absent(
      'Go is not installed; it builds versitygw, the S3 server of these tests',
      'install Go (https://go.dev/dl or apt-get install golang-go), then npm test',
    );
  }
  say('Building versitygw 1.8.0, the S3 server of the emulator tests, with go install: 1–2 minutes, only this once.');
  const failure = await goInstall(folder, say);
  if (failure === undefined && existsSync(path)) return { state: 'ready', path };
  return absent(
    `go install ${MODULE} failed: ${failure ?? 'it left no program'}`,
    `GOBIN=${folder} go install ${MODULE} && npm test`,
  );
}

function absent(reason: string, enable: string): Versitygw {
  return { state: 'absent', reason, enable };
}

function absentAt(path: string): Versitygw {
  return absent(
    `MILLRACE_TEST_S3_BIN names ${path}, which does not exist`,
    'unset MILLRACE_TEST_S3_BIN, then npm test',
  );
}

/** Resolves to undefined, or to the last line Go said. */
async function goInstall(folder: string, say: (line: string) => void): Promise<string | undefined> {
  const go = spawn('go', ['install', MODULE], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
  });
  let output = '';
  go.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000);
  });
  const startedMs = performance.now();
  const heartbeat = setInterval(() => {
    say(`  still building versitygw (${Math.round((performance.now() - startedMs) / 1000)} s)`);
  }, HEARTBEAT_MS);
  const status = await new Promise<number | null>((resolve) => {
    go.on('error', () => resolve(null)).on('close', resolve);
  });
  clearInterval(heartbeat);
  if (status === 0) return undefined;
  return output.trim().split('\n').at(-1) || (status === null ? 'it did not end in time' : `exit code ${status}`);
}
