/** Console blocks of the documents: lines that begin with `$ ` are commands, what follows is what they print. */
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { ROOT } from './markdown.ts';

/** A command and what it prints, both streams together. */
export interface ConsoleStep {
  readonly command: string;
  readonly output: string;
}

const MILLRACE = join(ROOT, 'bin', 'millrace.ts');
/** What differs from run to run, and what the documents show in its place. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '7d0c5d0e-6f4b-4f0a-9d53-3c1f0a2b4c6d'],
  [/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '2026-11-24T10:00:00.000Z'],
  [/"timestampMs":\d{13}/g, '"timestampMs":1795514400000'],
  [/\b01[0-9A-HJKMNP-TV-Z]{24}\b/g, '01M85QZ9AMVMHY4FMSSRJEJ6YA'],
  [/\/[0-9a-f]\/20\d{8}\//g, '/7/2026112410/'],
];

/** The steps of a console block. */
export function consoleSteps(text: string): readonly ConsoleStep[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** The block that these steps make. */
export function consoleText(steps: readonly ConsoleStep[]): string {
  return steps.map(({ command, output }) => `$ ${command}\n${output}`).join('');
}

/** Runs the commands one after another in a directory of their own and returns them with what they print. `npx millrace` is the one of this project. */
export async function runSteps(steps: readonly ConsoleStep[], directory: string): Promise<readonly ConsoleStep[]> {
  const ran: ConsoleStep[] = [];
  for (const { command } of steps) ran.push({ command, output: await run(command, directory) });
  return ran;
}

function run(command: string, cwd: string): Promise<string> {
  const script = `npx() { shift; node --no-warnings '${MILLRACE}' "$@"; }; ${command}`;
  const { MILLRACE_STORE: _, ...rest } = process.env;
  const env = { ...rest, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`, NO_COLOR: '1' };
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', `{ ${script}; } 2>&1`], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', () => resolve(stable(Buffer.concat(chunks).toString())));
  });
}

/** Long lines stay whole; trailing spaces, which editors remove, do not stay. */
function stable(output: string): string {
  const masked = VARYING.reduce((text, [pattern, shown]) => text.replace(pattern, shown), output);
  return masked.replace(/[ \t]+$/gm, '');
}
