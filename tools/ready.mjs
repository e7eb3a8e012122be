/**
 * Makes a clone ready to run: installs what `package-lock.json` names, once for each state of it, and checks the version of Node.
 *
 * Plain JavaScript for any Node from 18, with nothing imported but `node:` modules, because it runs before `node_modules` exists.
 * Everything it says goes to stderr, so that the output of the command behind it stays clean.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const PROJECT_NODE = join(MODULES, '.bin', 'node');
/** Holds the hash of the lockfile that was installed last; `npm ci` removes it with the rest of node_modules. */
const STAMP = join(MODULES, '.millrace-ready');
/** The first version that runs TypeScript without a flag. */
const OLDEST_NODE = [22, 18];
const NEEDED_DISK_BYTES = 900e6;
/** Alpine's C library instead of glibc. */
const IS_MUSL = existsSync('/etc/alpine-release');

/** What npm's output says about why it failed, and the way out. The first pattern that matches wins. */
const NPM_FAILURES = [
  [/ENOSPC/, 'The disk is full. The packages need about 650 MB here and npm keeps a copy of each in its cache.'],
  [/EROFS|EACCES|EPERM/, `npm may not write. Check who owns ${ROOT} and npm's cache (npm config get cache).`],
  [/EUSAGE|can only install packages when/, 'package.json and package-lock.json do not match. Run: npm install'],
  [/EINTEGRITY/, 'A package arrived damaged. Run: npm cache verify, then this command again.'],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|network/i,
    'The npm registry did not answer. Check the network or the proxy (npm config get registry), then run this command again.',
  ],
];

function fail(message) {
  console.error(`millrace: ${message}`);
  process.exit(1);
}

/** The packages of a lockfile by their path; none when the file is absent or half written. */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** Whether an optional package is a native part made for this machine. The rest of them are fallbacks that npm leaves out here. */
function isForThisMachine(path, { os, cpu }) {
  if (!os?.includes(process.platform) || !cpu?.includes(process.arch)) return false;
  // Both builds of a Linux package are in the lockfile, and not every npm keeps the field that tells them apart.
  return path.endsWith('-musl') === IS_MUSL;
}

/** How many packages of the lockfile node_modules lacks or has in another version. */
function countMissing(wanted, installed, isStamped) {
  const isMissing = ([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link) return false;
    // npm gives up on an optional package without a word. Asking for it again on every start would never end, so once per lockfile.
    if (entry.optional && (isStamped || !isForThisMachine(path, entry))) return false;
    return installed[path]?.version !== entry.version;
  };
  return Object.entries(wanted).filter(isMissing).length;
}

/** PATH without this project's own programs: npm deletes them while it installs, so it must not run on them. */
function outsidePath() {
  const outside = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !`${entry}${sep}`.startsWith(MODULES + sep));
  return outside.join(delimiter);
}

/** Runs npm as the caller did, or the one on PATH. */
function runNpm(args) {
  const env = { ...process.env, PATH: outsidePath() };
  const options = { cwd: ROOT, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64e6 };
  const npmCli = process.env.npm_execpath;
  if (npmCli?.endsWith('npm-cli.js') && existsSync(npmCli)) {
    const node = process.execPath.startsWith(MODULES + sep) ? 'node' : process.execPath;
    const result = spawnSync(node, [npmCli, ...args], options);
    if (!result.error) return result;
  }
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

function checkDisk() {
  if (typeof statfsSync !== 'function') return;
  const { bavail, bsize } = statfsSync(ROOT);
  if (bavail * bsize >= NEEDED_DISK_BYTES) return;
  fail(
    `${Math.round((bavail * bsize) / 1e6)} MB are free in ${ROOT}; installing needs about ${NEEDED_DISK_BYTES / 1e6} MB.`,
  );
}

function install(missing) {
  checkDisk();
  const count = missing === 1 ? '1 package' : `${missing} packages`;
  console.error(
    `Installing ${count} with npm ci: about half a minute, 650 MB in node_modules; the next run skips this.`,
  );
  const result = runNpm([
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--fetch-retry-mintimeout=2000',
    '--fetch-retry-maxtimeout=10000',
  ]);
  if (result.error?.code === 'ENOENT') fail('npm was not found. It comes with Node: https://nodejs.org');
  if (result.status === 0) return;
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  process.stderr.write(output);
  const reason = NPM_FAILURES.find(([pattern]) => pattern.test(output))?.[1];
  const ending = result.signal ?? result.error?.message ?? `exit code ${result.status}`;
  fail(`npm ci failed (${ending}). ${reason ?? 'Its messages are above.'}`);
}

function ensureInstalled() {
  const lockfile = join(ROOT, 'package-lock.json');
  if (!existsSync(lockfile))
    fail(`package-lock.json is missing in ${ROOT}. Restore it with: git checkout package-lock.json`);
  const hash = createHash('sha256').update(readFileSync(lockfile)).digest('hex');
  const isStamped = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash;
  // npm writes this second lockfile at the end of every complete install.
  const missing = countMissing(
    lockedPackages(lockfile),
    lockedPackages(join(MODULES, '.package-lock.json')),
    isStamped,
  );
  if (missing > 0) install(missing);
  if (!isStamped) writeStamp(hash);
}

function writeStamp(hash) {
  try {
    writeFileSync(STAMP, hash);
  } catch {
    // A read-only clone that is installed already works without its stamp.
  }
}

function versionOf(node) {
  const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().slice(1) : undefined;
}

/** Puts the project's programs first on PATH, as npm scripts have them, and returns the version of the `node` found there. */
function nodeOnPath() {
  process.env.PATH = `${join(MODULES, '.bin')}${delimiter}${process.env.PATH ?? ''}`;
  const version = versionOf('node');
  if (version !== undefined || !existsSync(PROJECT_NODE)) return version;
  // Built for another C library (Alpine): out of the way, or it would shadow the machine's own.
  rmSync(PROJECT_NODE);
  return versionOf('node');
}

function checkNode() {
  const version = nodeOnPath() ?? 'none';
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(
    `this clone runs on Node ${OLDEST_NODE.join('.')} or newer and found ${version}. Install Node 24 (https://nodejs.org) and run the command again.`,
  );
}

ensureInstalled();
checkNode();
