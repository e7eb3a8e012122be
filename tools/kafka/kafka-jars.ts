/** Apache Kafka from Maven Central: the broker, the Java client and the tools, copied once into `.cache/kafka`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/kafka', import.meta.url));
const POM = join(HERE, 'pom.xml');
const HINT =
  'The tests against Kafka need a JDK (17 or newer), Maven and Python: apt-get install default-jdk-headless maven python3-venv, or run .ci/run, which installs them.';
const FETCH_TIMEOUT_MS = 300_000;

/** Flags for programs that live for seconds: compile little, collect simply. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

async function fetchJars(libs: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  // Into a folder of its own first: two test workers may fetch at once, and a killed one leaves nothing half done.
  const folder = mkdtempSync(join(CACHE, 'fetching-'));
  const args = ['-q', '-B', '-ntp', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  try {
    await runProgram('mvn', [...args, `-DoutputDirectory=${folder}`], { timeoutMs: FETCH_TIMEOUT_MS, hint: HINT });
    if (!existsSync(libs)) renameSync(folder, libs);
  } catch (error) {
    if (!existsSync(libs)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function findJars(): Promise<string> {
  await runProgram('java', ['-version'], { hint: HINT });
  const hash = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  const libs = join(CACHE, `libs-${hash}`);
  if (!existsSync(libs)) await fetchJars(libs);
  return join(libs, '*');
}

let finding: Promise<string> | undefined;

/**
 * The class path of Kafka's jars, fetched with Maven on first use (56 MB, about 10 s).
 *
 * The folder carries the hash of `pom.xml`, so that another version is another folder. Throws with the way out when Java or Maven is absent.
 */
export function kafkaClassPath(): Promise<string> {
  finding ??= findJars().catch((error: unknown) => {
    finding = undefined;
    throw error;
  });
  return finding;
}

/**
 * Runs one of the single-file programs in `tools/kafka` against Kafka's own classes, and resolves to its output.
 *
 * `name` is the file without `.java`; `input` goes to its standard input.
 */
export async function runJava(name: string, args: readonly string[], input = ''): Promise<string> {
  const classPath = await kafkaClassPath();
  return runProgram('java', [...SHORT_LIVED, '-cp', classPath, join(HERE, `${name}.java`), ...args], { input });
}
