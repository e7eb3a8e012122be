/**
 * `npm run emulator -- [--port N] [--strict]`: runs MiniStack in the foreground, and says what to type in another terminal: what is deployed to AWS can be tried without an account.
 *
 * `--port`: default 4566. `--strict`: policies are enforced.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { MillraceError } from '../../lib/errors.ts';
import { startMiniStack } from './server.ts';

/** Any will do: what is started with them takes them. */
const ACCOUNT = { accessKeyId: 'test', secretAccessKey: 'test' };
const DEFAULT_PORT = 4566;

function settingsOf(args: string[]): { port: number; isStrict: boolean } {
  const options = { port: { type: 'string', default: `${DEFAULT_PORT}` }, strict: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args, options });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new MillraceError('INVALID_REQUEST', `--port ${values.port}: give 1 to 65535.`, { value: values.port });
  }
  return { port, isStrict: values.strict === true };
}

async function checkFree(port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (cause) {
    const hint = 'Another emulator may run there already. Choose another port: npm run emulator -- --port 4600';
    throw new MillraceError('INVALID_REQUEST', `port ${port} cannot be had`, { cause, value: port, hint });
  }
  server.close();
  await once(server, 'close');
}

function introductionOf(endpoint: string): string {
  const { accessKeyId, secretAccessKey } = ACCOUNT;
  return `
An emulator of AWS runs at ${endpoint}. It keeps what it is given in memory until Ctrl-C ends it.

In another terminal, in this folder:

  export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}
  npx cdk bootstrap
  npx cdk deploy

docs/deployment.md goes on from there.
`;
}

try {
  const { port, isStrict } = settingsOf(process.argv.slice(2));
  await checkFree(port);
  const emulator = await startMiniStack({ port, ...ACCOUNT, isStrict });
  console.log(introductionOf(emulator.endpoint));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => emulator.stop());
  await emulator.ended;
} catch (error) {
  // What `parseArgs` says is a way out by itself.
  const { message, hint } = error as Partial<MillraceError>;
  console.error(hint === undefined ? message : `${message}\n${hint}`);
  process.exitCode = 1;
}
