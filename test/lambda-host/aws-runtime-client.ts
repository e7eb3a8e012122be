/** AWS's own runtime client for Node.js, which Lambda runs: installed beside the project, because it compiles C++ for a minute. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { ROOT } from '../aws/server-process.ts';

const VERSION = '4.0.2';
const FOLDER = `${ROOT}.cache/aws-lambda-ric-${VERSION}`;
const CLIENT = join(FOLDER, 'node_modules/aws-lambda-ric');
/** It compiles; at most this long. */
export const INSTALL_MS = 10 * 60_000;

/** The program with its arguments, once it is there. Throws with what npm says when it cannot be built; it needs a Linux with cmake, make, g++ and Python. */
export function awsRuntimeClient(): readonly string[] {
  const program = [process.execPath, join(CLIENT, 'index.mjs')];
  if (existsSync(join(CLIENT, 'rapid-client.node'))) return program;
  mkdirSync(FOLDER, { recursive: true });
  // The Node.js that it is built by has to be the one that runs it.
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const args = ['install', '--prefix', FOLDER, '--no-save', '--no-audit', '--no-fund', `aws-lambda-ric@${VERSION}`];
  const { status, stderr } = spawnSync('npm', args, {
    env: { ...process.env, PATH },
    timeout: INSTALL_MS,
    encoding: 'utf8',
  });
  if (status === 0 && existsSync(join(CLIENT, 'rapid-client.node'))) return program;
  throw new TypeError(`aws-lambda-ric ${VERSION} could not be built; it needs cmake, make, g++ and Python:\n${stderr}`);
}
