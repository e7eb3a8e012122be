/** Programs with clients in Go, each built once into `.cache/bin`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

/** The programs, by the folders of their sources below `tools/kafka/go`. */
const FOLDERS = { write: '.', consume: 'consume', administer: 'administer', member: 'member' } as const;
type GoProgram = keyof typeof FOLDERS;

const SOURCES = fileURLToPath(new URL('./go', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/bin', import.meta.url));
const HINT = 'The tests of clients in Go need Go: apt-get install golang-go, or run .ci/run, which installs it.';
const BUILD_TIMEOUT_MS = 300_000;

const building = new Map<GoProgram, Promise<string>>();

async function build(name: GoProgram): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['go.sum', join(FOLDERS[name], 'main.go')]) hash.update(readFileSync(join(SOURCES, file)));
  const program = join(CACHE, `kafka-${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  // Under a name of its own first: a killed build leaves nothing half done.
  const unfinished = `${program}-${process.pid}`;
  await runProgram('go', ['build', '-C', SOURCES, '-o', unfinished, `./${FOLDERS[name]}`], {
    timeoutMs: BUILD_TIMEOUT_MS,
    hint: HINT,
  });
  renameSync(unfinished, program);
  return program;
}

/** A program, built on first use (a minute). Throws with the way out when Go is absent. */
export function goProgram(name: GoProgram): Promise<string> {
  const before = building.get(name);
  if (before !== undefined) return before;
  const built = build(name).catch((error: unknown) => {
    building.delete(name);
    throw error;
  });
  building.set(name, built);
  return built;
}
