/**
 * `npm run bench [-- --json] [-- NAME …]`: all benchmarks, or those whose name is given (backfill, cold-start, gateway, gateway-latency, gateway-codec, record-batch, requests, throughput, latency, event-source, delay, compaction-memory, key-compaction), about half an hour in all. Speeds are
 * ratios of sides measured in one run; counts and prices are exact. What came of it: docs/performance.md.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SUFFIX = '.bench.ts';
const directory = fileURLToPath(new URL('.', import.meta.url));
const all = readdirSync(directory)
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length));
const json = process.argv.includes('--json');
const names = process.argv.slice(2).filter((argument) => argument !== '--json');
const unknown = names.filter((name) => !all.includes(name));

if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${all.join(', ')}.`);
  process.exit(2);
}

const results: Record<string, unknown> = {};
for (const name of names.length > 0 ? names : all) {
  if (!json) console.log(`\n${name}\n`);
  const args = [`${directory}${name}${SUFFIX}`, ...(json ? ['--json'] : [])];
  // A process for each, so that one's heap and compiled code do not weigh on the next.
  const run = spawnSync(process.execPath, args, {
    stdio: ['ignore', json ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
  if (json) results[name] = JSON.parse(run.stdout);
}
if (json) console.log(JSON.stringify(results, null, 2));
