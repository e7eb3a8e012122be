/** Jars from Maven Central that a `pom.xml` names, copied once into a folder of `.cache`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../kafka/run-program.ts';

/** What to say where Java or Maven is absent. */
export const JAVA_HINT =
  'The tests against Kafka and EventBridge need a JDK (17 or newer), Maven and Python: apt-get install default-jdk-headless maven python3-venv, or run .ci/run, which installs them.';
const FETCH_TIMEOUT_MS = 300_000;

/** Flags for programs that live for seconds: compile little, collect simply. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

async function fetchJars(pom: string, cache: string, libs: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  // Into a folder of its own first: two test workers may fetch at once, and a killed one leaves nothing half done.
  const folder = mkdtempSync(join(cache, 'fetching-'));
  const args = ['-q', '-B', '-ntp', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  try {
    await runProgram('mvn', [...args, `-DoutputDirectory=${folder}`], { timeoutMs: FETCH_TIMEOUT_MS, hint: JAVA_HINT });
    if (!existsSync(libs)) renameSync(folder, libs);
  } catch (error) {
    if (!existsSync(libs)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function findJars(pom: string, cache: string): Promise<string> {
  await runProgram('java', ['-version'], { hint: JAVA_HINT });
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  const libs = join(cache, `libs-${hash}`);
  if (!existsSync(libs)) await fetchJars(pom, cache, libs);
  return join(libs, '*');
}

const finding = new Map<string, Promise<string>>();

/**
 * The class path of the jars that a `pom.xml` names, fetched with Maven on first use.
 *
 * The folder carries the hash of `pom.xml`, so that another version is another folder. Throws with the way out when Java or Maven is absent.
 */
export function mavenClassPath(pom: string, cache: string): Promise<string> {
  const before = finding.get(pom);
  if (before !== undefined) return before;
  const found = findJars(pom, cache).catch((error: unknown) => {
    finding.delete(pom);
    throw error;
  });
  finding.set(pom, found);
  return found;
}

/** Runs a single-file program against a class path, and resolves to its output. `input` goes to its standard input. */
export function runJavaFile(file: string, classPath: string, args: readonly string[], input: string): Promise<string> {
  return runProgram('java', [...SHORT_LIVED, '-cp', classPath, file, ...args], { input });
}
