import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { badProp } from './bad-prop.ts';

/** The functions of a deployment; each is a folder with `index.mjs`, whose export `handler` Lambda calls. */
export type FunctionName = 'router' | 'pump' | 'releaser' | 'maintenance' | 'provider' | 'http';

/** In the package, and in a clone after its build. */
const PLACES = ['../../lambdas', '../../dist/lambdas'] as const;

function builtFolder(): string {
  const folders = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return folders.find((folder) => existsSync(join(folder, 'router', 'index.mjs'))) ?? folders.at(-1)!;
}

/** The bundle of a function. Throws INVALID_CONFIG when it was not built. */
export function functionCode(scope: IConstruct, name: FunctionName, directory = builtFolder()): lambda.Code {
  const folder = join(directory, name);
  if (existsSync(join(folder, 'index.mjs'))) return lambda.Code.fromAsset(folder);
  const fix = 'In a clone of Millrace build them with: npm run build. Otherwise name the folder that has them.';
  throw badProp(scope, `functionsDirectory (there is no ${name}/index.mjs in it)`, directory, fix);
}
