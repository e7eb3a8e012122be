#!/usr/bin/env node
/** The command `millrace`: hands the process's arguments, streams and environment to the command line, and its outcome back as exit code. */

import module from 'node:module';
import { constants } from 'node:os';

/** The oldest Node with every module that the package imports (zstd came with 22.15). */
const OLDEST_NODE = [22, 15] as const;

function isNodeTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
}

/** What cannot be written is told to whoever wrote it; here it only must not end the process. */
function leaveStreamErrorsToWriters(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** npx passes a Ctrl-C on that the terminal has sent already: what comes this soon is the same one. */
const SAME_INTERRUPT_MS = 500;

/** A first SIGINT or SIGTERM asks the command to finish, a second one ends it at once. Without this call either ends it at once. */
function interrupts(): AbortSignal {
  const interrupted = new AbortController();
  let firstMs = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const isFirst = !interrupted.signal.aborted;
      if (isFirst) firstMs = performance.now();
      else if (performance.now() - firstMs > SAME_INTERRUPT_MS) process.exit(128 + constants.signals[signal]);
      interrupted.abort(signal);
    });
  }
  return interrupted.signal;
}

/** Node 22 announces its SQLite as an experiment; that is no news to someone who types a command. */
function dropExperimentalWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`millrace: ${warning.name}: ${warning.message}\n`);
  });
}

async function run(): Promise<number> {
  leaveStreamErrorsToWriters();
  dropExperimentalWarnings();
  // What was compiled once is not compiled for each command; Node keeps it in a folder for temporary files.
  module.enableCompileCache();
  // Not a static import: the version is checked before anything that needs it is loaded.
  const { main } = await import('../lib/cli/main.ts');
  const { stdin, stdout, stderr, env } = process;
  return main(process.argv.slice(2), { stdin, stdout, stderr, env, interrupts });
}

if (isNodeTooOld(process.versions.node)) {
  console.error(`millrace needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.version}.`);
  process.exitCode = 1;
} else {
  process.exitCode = await run();
}
