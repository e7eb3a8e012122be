/** The members of groups with clients in Go, built once into `.cache/bin`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

const SOURCES = fileURLToPath(new URL('./go', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/bin', import.meta.url));
const HINT = 'The tests of clients in Go need Go: apt-get install golang-go, or run .ci/run, which installs it.';
const BUILD_TIMEOUT_MS = 300_000;

let building: Promise<string> | undefined;

async function build(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['go.sum', 'member/main.go']) hash.update(readFileSync(join(SOURCES, file)));
  const program = join(CACHE, `kafka-member-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  // Under a name of its own first: a killed build leaves nothing half done.
  const unfinished = `${program}-${process.pid}`;
  await runProgram('go', ['build', '-C', SOURCES, '-o', unfinished, './member'], {
    timeoutMs: BUILD_TIMEOUT_MS,
    hint: HINT,
  });
  renameSync(unfinished, program);
  return program;
}

/** The program, built on first use (a minute). Throws with the way out when Go is absent. */
export function goMember(): Promise<string> {
  building ??= build().catch((error: unknown) => {
    building = undefined;
    throw error;
  });
  return building;
}
