/**
 * `npm test`: the unit tests and, where their servers can run, the tests against emulators; `npm run test:long` comes through here, too. Arguments go to vitest: `npm test -- test/record`.
 *
 * Nothing is left out in silence: what this machine cannot run is named at the end with its reason and the command that makes it run.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENABLE_CHROMIUM, findChromium } from './chromium.ts';
import { type Counts, countsLine, countTests, describeRun, type FileResult, type Skipped } from './test-results.ts';
import { ensureVersitygw } from './versitygw.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DYNOXIDE = 'node_modules/@dynoxide/linux-x64/dynoxide';
/** What a test file, or a module of the tests that it imports, says when it starts that server. */
const STARTS_S3 = 'MILLRACE_TEST_S3_BIN';
const STARTS_DYNAMODB = '@dynoxide/';
/** Kinds of tests among which some start servers that are installed here. */
const SERVER_TESTS = ['emulator', 'chaos', 'long'];
const STARTS_MINISTACK = '.cache/ministack/bin/ministack';

const ELSEWHERE = [
  'Not part of npm test: exact request counts, stacks, mutants, killed members, real Kafka clients, the page of millrace dev in a browser (npm test --',
  '--project=counts, --project=constructs, --project=mutants, --project=chaos, --project=clients or --project=browser), deployed functions (npm run test:deploy),',
  "hours of random operations and AWS's own runtime client (npm run test:long), any S3 and DynamoDB at AWS_ENDPOINT_URL (npm run test:emulator). .ci/run adds the first six.",
];

/** Text of a module together with the modules of the tests that it imports. */
function textWithImports(path: string, seen = new Set<string>()): string {
  if (seen.has(path) || !existsSync(join(ROOT, path))) return '';
  seen.add(path);
  const text = readFileSync(join(ROOT, path), 'utf8');
  const imported = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, specifier = '']) =>
    posix.join(dirname(path), specifier),
  );
  const inTests = imported.filter((target) => target.startsWith('test/'));
  return [text, ...inTests.map((target) => textWithImports(target, seen))].join('\n');
}

/** The tests with servers that these arguments of vitest select. */
function selectServerTests(args: readonly string[]): string[] {
  const projects = args.filter((arg) => arg.startsWith('--project'));
  const isAsked = (kind: string) =>
    projects.length === 0 ? kind === 'emulator' : projects.some((arg) => arg.includes(kind));
  // An option without "=" may take the argument behind it as its value: then nothing is known to be a filter.
  const isOpen = args.some((arg) => arg.startsWith('-') && !arg.includes('='));
  const filters = isOpen ? [] : args.filter((arg) => !arg.startsWith('-'));
  const files = SERVER_TESTS.filter(isAsked)
    .flatMap((kind) => globSync(`test/**/*.${kind}.test.ts`, { cwd: ROOT }))
    .map((path) => path.replaceAll('\\', '/'));
  return files.sort().filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)));
}

/** The browser tests, where they are asked for and there is none. On CI nothing is left out: there they fail. */
function planBrowserTests(args: readonly string[], env: NodeJS.ProcessEnv): readonly Skipped[] {
  const isAsked = args.some((arg) => arg.startsWith('--project') && arg.includes('browser'));
  if (!isAsked || env.CI || findChromium(env) !== null) return [];
  const reason = 'there is no Chromium to open the page of millrace dev in';
  const files = globSync('test/**/*.browser.test.ts', { cwd: ROOT }).map((path) => path.replaceAll('\\', '/'));
  return files.sort().map((what) => ({ what, reason, enable: ENABLE_CHROMIUM }));
}

interface Plan {
  readonly skipped: readonly Skipped[];
  readonly env: NodeJS.ProcessEnv;
}

/** Which of the tests with servers can run here, after installing what can be installed. */
async function planServerTests(files: readonly string[]): Promise<Plan> {
  if (process.env.AWS_ENDPOINT_URL) return { skipped: [], env: {} };
  const starts = (path: string, marker: string) => textWithImports(path).includes(marker);
  const skipped = new Map<string, Skipped>();
  if (!existsSync(join(ROOT, DYNOXIDE))) {
    const reason = 'dynoxide, the DynamoDB server of these tests, is published for Linux on x64 only';
    const enable =
      'AWS_ENDPOINT_URL=http://localhost:4566 npm run test:emulator (with LocalStack or another server there)';
    for (const what of files.filter((path) => starts(path, STARTS_DYNAMODB)))
      skipped.set(what, { what, reason, enable });
  }
  if (!existsSync(join(ROOT, STARTS_MINISTACK))) {
    const reason = 'MiniStack, which stands for SQS and SNS in these tests, is not installed';
    const install = '.cache/ministack/bin/pip install ministack==1.5.33';
    const enable = `python3 -m venv .cache/ministack && ${install} && npm test`;
    for (const what of files.filter((path) => starts(path, STARTS_MINISTACK)))
      skipped.set(what, { what, reason, enable });
  }
  const needS3 = files.filter((path) => !skipped.has(path) && starts(path, STARTS_S3));
  if (needS3.length === 0) return { skipped: [...skipped.values()], env: {} };
  const s3 = await ensureVersitygw(ROOT, (line) => console.log(line));
  if (s3.state === 'ready') return { skipped: [...skipped.values()], env: { MILLRACE_TEST_S3_BIN: s3.path } };
  for (const what of needS3) skipped.set(what, { what, reason: s3.reason, enable: s3.enable });
  return { skipped: [...skipped.values()], env: {} };
}

/** Runs vitest in the foreground; resolves to its exit code. */
function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const program = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [program, 'run', ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('exit', (code) => resolve(code ?? 1));
  });
}

/** The tests of whole files count as one each: nobody has read how many they hold. */
function total(files: readonly FileResult[], skipped: readonly Skipped[], exitCode: number): Counts {
  const counts = countTests(files);
  // An error outside every test (an unhandled rejection) fails the run; it must show in the numbers too.
  const failed = exitCode !== 0 && counts.failed === 0 ? 1 : counts.failed;
  return { passed: counts.passed, failed, skipped: counts.skipped + skipped.length };
}

/** Files whose tests left themselves out. (In a failed file, tests are skipped because its set-up failed.) */
function selfSkipped(files: readonly FileResult[]): Skipped[] {
  return files
    .filter((file) => file.skipped > 0 && file.failed === 0)
    .map((file) => ({
      what: `${file.path} (${file.skipped} tests)`,
      reason: 'the tests found that this machine lacks what they need',
      enable: `npm test -- ${file.path} shows which`,
    }));
}

async function runTests(args: readonly string[]): Promise<number> {
  const { skipped: withoutServers, env } = await planServerTests(selectServerTests(args));
  const skipped = [...withoutServers, ...planBrowserTests(args, process.env)];
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.cache', 'test-report-'));
  const report = join(folder, 'report.json');
  const projects = args.some((arg) => arg.startsWith('--project')) ? [] : ['--project=unit', '--project=emulator'];
  const leftOut = skipped.map(({ what }) => what);
  // Arguments may select nothing but what is left out here, which is no failure.
  const leaveOut =
    leftOut.length > 0
      ? { args: ['--passWithNoTests'], env: { MILLRACE_TEST_LEFT_OUT: leftOut.join() } }
      : { args: [], env: {} };
  const reporters = ['--reporter=default', `--reporter=${join(ROOT, 'tools/test-reporter.ts')}`];
  try {
    const exitCode = await runVitest([...projects, ...leaveOut.args, ...reporters, ...args], {
      ...env,
      ...leaveOut.env,
      MILLRACE_TEST_REPORT: report,
    });
    const files = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as FileResult[]) : [];
    const elsewhere = args.length === 0 ? [...ELSEWHERE, ''] : [];
    const lines = [...describeRun(files, [...skipped, ...selfSkipped(files)]), '', ...elsewhere];
    console.log([...lines, countsLine(total(files, skipped, exitCode))].join('\n'));
    return exitCode;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await runTests(process.argv.slice(2));
