/** Deploys apps of the CDK into an emulator, by the command that users type. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MillraceError } from '../../lib/errors.ts';
import { ACCOUNT, ROOT } from '../aws/server-process.ts';

/** A deployment that hangs has a function that cannot start. */
const DEPLOY_MS = 240_000;
const REGION = 'us-east-1';
const ACCOUNT_ID = '000000000000';

/** Outputs of stacks, by their names. */
export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The command `cdk` against an emulator. */
export class Cdk {
  readonly #endpoint: string;
  readonly #app: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-cdk-'));

  /** `app`: a program of this project, by its path. */
  constructor(endpoint: string, app: string) {
    this.#endpoint = endpoint;
    this.#app = app;
  }

  /** Makes what every account needs once. */
  async bootstrap(): Promise<void> {
    await this.#run(['bootstrap', `aws://${ACCOUNT_ID}/${REGION}`]);
  }

  /** Deploys all stacks, or again what has changed; resolves to their outputs. Throws STORE_UNAVAILABLE with the last lines when it fails. */
  async deploy(context: Readonly<Record<string, string>> = {}): Promise<StackOutputs> {
    const outputs = join(this.#folder, 'outputs.json');
    const settings = Object.entries(context).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const options = ['--require-approval', 'never', '--progress', 'events', '--concurrency', '2'];
    await this.#run(['deploy', '--all', ...options, '--outputs-file', outputs, ...settings]);
    return JSON.parse(readFileSync(outputs, 'utf8'));
  }

  /** Takes all stacks away. */
  async destroy(): Promise<void> {
    await this.#run(['destroy', '--all', '--force']);
  }

  /** Removes what it wrote on this machine. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(args: readonly string[]): Promise<void> {
    const program = `${ROOT}node_modules/aws-cdk/bin/cdk`;
    const app = `${process.execPath} ${ROOT}${this.#app}`;
    // The functions are built once, before all tests that deploy them.
    const made = ['--app', app, '--build', 'true', '--output', join(this.#folder, 'cdk.out')];
    const child = spawn(process.execPath, [program, ...args, ...made], {
      cwd: ROOT,
      timeout: DEPLOY_MS,
      env: {
        PATH: process.env.PATH,
        HOME: this.#folder,
        AWS_ENDPOINT_URL: this.#endpoint,
        AWS_ACCESS_KEY_ID: ACCOUNT.accessKeyId,
        AWS_SECRET_ACCESS_KEY: ACCOUNT.secretAccessKey,
        AWS_REGION: REGION,
        AWS_EC2_METADATA_DISABLED: 'true',
        CDK_DEFAULT_ACCOUNT: ACCOUNT_ID,
        CDK_DEFAULT_REGION: REGION,
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CI: 'true',
      },
    });
    let lines = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (lines += chunk));
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('exit', (code) => {
        if (code === 0) return resolve();
        const text = `cdk ${args[0]} ended with ${code}:\n${lines.split('\n').slice(-60).join('\n')}`;
        reject(new MillraceError('STORE_UNAVAILABLE', text));
      });
    });
  }
}
