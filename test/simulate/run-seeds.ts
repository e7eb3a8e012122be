/** `node run-seeds.ts <simulation> <from> <to>`: runs seeds until one breaks a rule; prints when each began, in ms since the start, and at the end what was found, as JSON. */
import { type SimulationName, simulations } from './simulations.ts';

const [name = 'log', from = '0', to = '100'] = process.argv.slice(2);
let found: { readonly seed: number; readonly violation: string } | null = null;
for (let seed = Number(from); seed < Number(to) && !found; seed++) {
  process.stdout.write(`${JSON.stringify({ seed, beganMs: Math.round(performance.now()) })}\n`);
  const { violation } = await simulations[name as SimulationName](seed, { keepDigest: false });
  if (violation !== null) found = { seed, violation };
}
process.stdout.write(`${JSON.stringify({ found })}\n`);
