import { spawnSync } from 'node:child_process';

/** What follows an option of the command line. */
export function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Runs a benchmark in a process of its own, so that its memory is nobody else's; returns what it prints as JSON. */
export function processRow<T>(file: string, args: readonly string[]): T {
  const { stdout, status } = spawnSync(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}`);
  return JSON.parse(stdout) as T;
}
