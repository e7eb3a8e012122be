/**
 * `npm run build` writes `dist/`, the npm package: JavaScript, declarations, source maps, and a manifest of its own. With a folder as argument, it
 * writes there.
 *
 * The root of the repository is private and never published: its optional dependencies (a Node of 100 MB among them, which would shadow the
 * user's) serve only those who work on it.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = resolve(process.argv[2] ?? join(ROOT, 'dist'));

/** What the package offers to `import`, by its name and the module behind it. */
const DOORS = {
  '.': 'lib/index',
  './aws': 'lib/aws/index',
  './constructs': 'lib/constructs/index',
  './local': 'lib/local',
  './middleware': 'lib/middleware/index',
} as const;
const BIN = 'bin/millrace.js';
const DOCUMENTS = ['README.md', 'README.zh-CN.md', 'CHANGELOG.md', 'LICENSE'];

/** What of the root's manifest a user of the package needs. */
interface RootManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly type: string;
  readonly license: string;
  readonly repository?: unknown;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, unknown>>;
}

function compile(): void {
  rmSync(DIST, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', DIST],
    {
      cwd: ROOT,
      stdio: 'inherit',
    },
  );
}

/** What is served as it is. */
function copyPage(): void {
  cpSync(join(ROOT, 'lib/console/page'), join(DIST, 'lib/console/page'), { recursive: true });
}

/** The doors, each checked to be there: a package whose door leads nowhere must not be built. */
function exportsOf(): Record<string, unknown> {
  const entries = Object.entries(DOORS).map(([door, module]) => {
    if (!existsSync(join(DIST, `${module}.js`)))
      throw new Error(`${module}.ts is missing, but the package exports ${door}`);
    return [door, { types: `./${module}.d.ts`, default: `./${module}.js` }];
  });
  return Object.fromEntries([...entries, ['./package.json', './package.json']]);
}

function packageManifest(root: RootManifest): Record<string, unknown> {
  const {
    name,
    version,
    description,
    type,
    license,
    repository,
    dependencies,
    peerDependencies,
    peerDependenciesMeta,
  } = root;
  return {
    ...{ name, version, description, type, license, repository },
    engines: { node: '>=22.15' },
    // The library does nothing when it is imported: bundlers may leave out what is not used.
    sideEffects: ['./bin/*', './lib/lambda-host/bootstrap.js'],
    bin: { millrace: BIN },
    exports: exportsOf(),
    ...{ dependencies, peerDependencies, peerDependenciesMeta },
  };
}

function writePackage(): void {
  const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as RootManifest;
  writeFileSync(join(DIST, 'package.json'), `${JSON.stringify(packageManifest(root), null, 2)}\n`);
  for (const document of DOCUMENTS)
    if (existsSync(join(ROOT, document))) copyFileSync(join(ROOT, document), join(DIST, document));
  chmodSync(join(DIST, BIN), 0o755);
  console.log(`Built ${root.name} ${root.version} in ${DIST}. Publish it from there: npm publish ${DIST}`);
}

compile();
copyPage();
writePackage();
