/**
 * Bundles the deployed functions: `lambdas/<name>.ts` becomes `dist/lambdas/<name>/index.mjs`, with the parts of the AWS SDK that it uses. `node tools/build-lambdas.ts [FOLDER]`.
 *
 * The SDK is bundled: a function starts faster with the parts that it uses than with those of the run time, and runs with the version that it was tested with.
 */
import { globSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Some modules of the SDK are CommonJS and require Node's own. */
const BANNER =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/** A bundle. */
export interface LambdaBundle {
  readonly name: string;
  readonly bytes: number;
  /** Of the project's own code. */
  readonly ownBytes: number;
}

/** How bundles are built. */
export interface BuildLambdasOptions {
  /** Where the AWS SDK is; `outside`: in packages that the function finds. Default `bundled`. */
  readonly sdk?: 'bundled' | 'outside';
}

/** Builds all bundles into a folder, whose other files stay. */
export async function buildLambdas(
  folder = join(ROOT, 'dist/lambdas'),
  { sdk = 'bundled' }: BuildLambdasOptions = {},
): Promise<readonly LambdaBundle[]> {
  const names = globSync('lambdas/*.ts', { cwd: ROOT }).map((path) => basename(path, '.ts'));
  const external = sdk === 'outside' ? ['@aws-sdk/*', '@smithy/*'] : [];
  return Promise.all(names.sort().map((name) => buildLambda(name, folder, external)));
}

async function buildLambda(name: string, folder: string, external: string[]): Promise<LambdaBundle> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`lambdas/${name}.ts`],
    outfile: join(folder, name, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    mainFields: ['module', 'main'],
    minify: true,
    external,
    legalComments: 'none',
    banner: { js: BANNER },
    metafile: true,
    logLevel: 'warning',
  });
  const [output] = Object.values(metafile.outputs);
  const parts = Object.entries(output!.inputs);
  const own = parts.filter(([path]) => path.startsWith('lib/') || path.startsWith('lambdas/'));
  return {
    name,
    bytes: output!.bytes,
    ownBytes: own.reduce((bytes, [, { bytesInOutput }]) => bytes + bytesInOutput, 0),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder] = process.argv;
  for (const { name, bytes, ownBytes } of await buildLambdas(folder === undefined ? undefined : resolve(folder))) {
    console.log(
      `${name.padEnd(12)} ${(bytes / 1000).toFixed(0).padStart(6)} kB, ${(ownBytes / 1000).toFixed(0)} kB of them our own`,
    );
  }
}
