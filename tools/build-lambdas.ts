/**
 * Bundles the deployed functions: `lambdas/<name>.ts` becomes `dist/lambdas/<name>/index.mjs`, with the parts of the AWS SDK that it uses, and beside it what is loaded only when it is needed. `node tools/build-lambdas.ts [--sizes] [FOLDER]`.
 *
 * The SDK is bundled: a function starts faster with the parts that it uses than with those of the run time, and runs with the version that it was tested with.
 */
import { globSync, rmSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Metafile, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEFAULT_FOLDER = join(ROOT, 'dist/lambdas');
const ENTRY = 'index.mjs';
/** Some modules of the SDK are CommonJS and require Node's own. */
const BANNER =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/** Bytes of minified code. */
export interface CodeSize {
  readonly bytes: number;
  /** Of the project's own code: what comes from `lib` and `lambdas`, without the packages of others. */
  readonly ownBytes: number;
}

/** A bundle: all of it. */
export interface LambdaBundle extends CodeSize {
  readonly name: string;
  /** What a cold start loads. */
  readonly start: CodeSize;
}

/** How bundles are built. */
export interface BuildLambdasOptions {
  /** Where the AWS SDK is; `outside`: in packages that the function finds. Default `bundled`. */
  readonly sdk?: 'bundled' | 'outside';
}

/** Builds all bundles into a folder, whose other files stay. */
export async function buildLambdas(
  folder = DEFAULT_FOLDER,
  { sdk = 'bundled' }: BuildLambdasOptions = {},
): Promise<readonly LambdaBundle[]> {
  const names = globSync('lambdas/*.ts', { cwd: ROOT }).map((path) => basename(path, '.ts'));
  const external = sdk === 'outside' ? ['@aws-sdk/*', '@smithy/*'] : [];
  return Promise.all(names.sort().map((name) => buildLambda(name, join(folder, name), external)));
}

async function buildLambda(name: string, folder: string, external: string[]): Promise<LambdaBundle> {
  // What an earlier build wrote beside the entry has other names.
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { index: `lambdas/${name}.ts` },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    mainFields: ['module', 'main'],
    minify: true,
    external,
    legalComments: 'none',
    banner: { js: BANNER },
    plugins: [assembledModules],
    metafile: true,
    logLevel: 'warning',
  });
  const { outputs } = metafile;
  return { name, ...sizeOf(outputs, Object.keys(outputs)), start: sizeOf(outputs, startOf(outputs)) };
}

/** Modules of WebAssembly that are assembled from their text: in a bundle they stand as bytes, so that no start assembles them. */
const assembledModules: Plugin = {
  name: 'assembled-modules',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]lib[/\\]record[/\\](block|crc32c)-module\.ts$/ }, async ({ path }) => {
      const exported = Object.entries((await import(path)) as Readonly<Record<string, number | (() => Uint8Array)>>);
      return { contents: exported.map(([name, value]) => `export const ${name} = ${literalOf(value)};`).join('\n') };
    });
  },
};

function literalOf(value: number | (() => Uint8Array)): string {
  if (typeof value === 'number') return `${value}`;
  return `() => Buffer.from('${Buffer.from(value()).toString('base64')}', 'base64')`;
}

/** The entry, and what it imports before its first line runs. */
function startOf(outputs: Metafile['outputs']): readonly string[] {
  const entry = Object.keys(outputs).find((path) => basename(path) === ENTRY)!;
  const start = new Set([entry]);
  // A set that grows while it is walked: what was added is walked, too.
  for (const path of start) {
    for (const { path: imported, kind } of outputs[path]!.imports) {
      if (kind === 'import-statement' && imported in outputs) start.add(imported);
    }
  }
  return [...start];
}

function sizeOf(outputs: Metafile['outputs'], paths: readonly string[]): CodeSize {
  const files = paths.map((path) => outputs[path]!);
  const own = files
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([path]) => path.startsWith('lib/') || path.startsWith('lambdas/'));
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  return {
    bytes: sum(files.map(({ bytes }) => bytes)),
    ownBytes: sum(own.map(([, { bytesInOutput }]) => bytesInOutput)),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { sizes: { type: 'boolean' } } });
  const folder = resolve(positionals[0] ?? DEFAULT_FOLDER);
  const bundles = await buildLambdas(folder);
  // Not the standard output: there `cdk synth`, which has the functions built first, writes its template.
  console.error(`Built ${bundles.length} functions into ${relative(process.cwd(), folder) || '.'}.`);
  const kilobytes = ({ bytes, ownBytes }: CodeSize) =>
    `${(bytes / 1000).toFixed(0).padStart(6)} kB, ${(ownBytes / 1000).toFixed(0)} kB of them our own`;
  for (const bundle of values.sizes ? bundles : []) {
    console.log(`${bundle.name.padEnd(12)} ${kilobytes(bundle)}; at its start ${kilobytes(bundle.start).trim()}`);
  }
}
