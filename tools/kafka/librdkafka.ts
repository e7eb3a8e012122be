/** librdkafka, the C client under most languages' clients, through `confluent-kafka` from PyPI in `.cache/venv-…`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache', import.meta.url));
const REQUIREMENTS = join(HERE, 'requirements.txt');
const HINT =
  'The tests of librdkafka need Python 3 with venv: apt-get install python3-venv, or run .ci/run, which installs it.';

let creating: Promise<string> | undefined;

async function createEnvironment(): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = join(CACHE, `venv-${hash}`);
  const python = join(folder, 'bin', 'python');
  // Written last: a folder without it was left by a run that was killed.
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return python;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  await runProgram('python3', ['-m', 'venv', folder], { hint: HINT });
  await runProgram(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
  writeFileSync(complete, '');
  return python;
}

/**
 * Runs one of the programs in `tools/kafka` with librdkafka, installed on first use (5 MB), and resolves to its output.
 *
 * `name` is the file without `.py`; `input` goes to its standard input. Throws with the way out when Python is absent.
 */
export async function runLibrdkafka(name: string, args: readonly string[], input = ''): Promise<string> {
  creating ??= createEnvironment();
  const python = await creating.catch((error: unknown) => {
    creating = undefined;
    throw error;
  });
  return runProgram(python, [join(HERE, `${name}.py`), ...args], { input });
}
