/** node test/group/simulation/run-seeds.ts FROM TO [trace]: runs seeds until one breaks a rule; the last line is JSON. */
import { simulateGroup } from './simulate-group.ts';

const [from = '0', to = '100', trace] = process.argv.slice(2);
const counts = new Map<string, number>();
let found: { seed: number; violation: string } | null = null;
const startMs = performance.now();
for (let seed = Number(from); seed < Number(to) && found === null; seed++) {
  const run = await simulateGroup(seed, { keepTrace: trace === 'trace' });
  for (const [name, count] of run.counts) counts.set(name, (counts.get(name) ?? 0) + count);
  if (trace === 'trace') console.log(run.trace.join('\n'));
  if (run.violation !== null) found = { seed, violation: run.violation };
}
const ms = Math.round(performance.now() - startMs);
console.log(JSON.stringify({ found, ms, counts: Object.fromEntries(counts) }));
