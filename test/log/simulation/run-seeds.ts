/** `node run-seeds.ts <from> <to> [trace]`: runs seeds until one breaks a rule; prints what it found as JSON. */
import { simulate } from './simulate.ts';

const [from = '0', to = '100', trace] = process.argv.slice(2);
const counts = new Map<string, number>();
let found: { readonly seed: number; readonly violation: string } | null = null;
for (let seed = Number(from); seed < Number(to) && !found; seed++) {
  const result = await simulate(seed, { keepTrace: trace !== undefined });
  for (const [name, count] of result.counts) counts.set(name, (counts.get(name) ?? 0) + count);
  if (result.violation !== null) found = { seed, violation: result.violation };
  if (trace !== undefined) process.stderr.write(`${result.trace.join('\n')}\n`);
}
process.stdout.write(`${JSON.stringify({ found, counts: Object.fromEntries(counts) })}\n`);
