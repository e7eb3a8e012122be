#!/usr/bin/env node
/**
 * `npx millrace` in a clone: makes the clone ready, then starts `millrace.ts`, here when this Node is new enough, else on the project's own.
 * (The npm package has no such step: its `bin/millrace.js` is built from `millrace.ts`.)
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import '../tools/ready.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);

/** Runs the sources on the newer Node that ready.mjs put on PATH. Streams are shared, signals and the way it ends are passed on. */
function startOnProjectNode() {
  const entry = fileURLToPath(new URL('./millrace.ts', import.meta.url));
  const child = spawn('node', [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C in a terminal reaches both processes; sent on, it would count twice, and a second one means "at once".
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => hasTerminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`millrace: node could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

if (major > 22 || (major === 22 && minor >= 18)) await import('./millrace.ts');
else startOnProjectNode();
