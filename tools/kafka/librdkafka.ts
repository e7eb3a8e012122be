/** librdkafka, the C client under most languages' clients, through `confluent-kafka` from PyPI in `.cache/venv-…`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache', import.meta.url));
const REQUIREMENTS = join(HERE, 'requirements.txt');
const HINT =
  'The tests of librdkafka need Python 3 with venv: apt-get install python3-venv, or run .ci/run, which installs it.';

let creating: Promise<string> | undefined;

async function createEnvironment(folder: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  // Under a name of its own first: two test workers may be at it at once, and a killed one leaves nothing half done.
  const unfinished = mkdtempSync(join(CACHE, 'venv-unfinished-'));
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
  try {
    await runProgram('python3', ['-m', 'venv', unfinished], { hint: HINT });
    await runProgram(join(unfinished, 'bin', 'python'), pip);
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The Python with librdkafka; the folder carries the hash of `requirements.txt`, so that another version is another folder. */
async function findPython(): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = join(CACHE, `venv-${hash}`);
  if (!existsSync(folder)) await createEnvironment(folder);
  return join(folder, 'bin', 'python');
}

/**
 * Runs one of the programs in `tools/kafka` with librdkafka, installed on first use (5 MB), and resolves to its output.
 *
 * `name` is the file without `.py`; `input` goes to its standard input. Throws with the way out when Python is absent.
 */
export async function runLibrdkafka(name: string, args: readonly string[], input = ''): Promise<string> {
  return runProgram(await librdkafkaPython(), [join(HERE, `${name}.py`), ...args], { input });
}

/** The Python that has librdkafka, installed on first use. Throws with the way out when Python is absent. */
export function librdkafkaPython(): Promise<string> {
  creating ??= findPython().catch((error: unknown) => {
    creating = undefined;
    throw error;
  });
  return creating;
}
