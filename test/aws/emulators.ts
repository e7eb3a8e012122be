/**
 * The servers of the emulator tests: dynoxide (DynamoDB) and versitygw (S3), started by the tests on ports of their own, on 127.0.0.1 alone, with everything in
 * memory. They end with the test file that started them.
 *
 * With AWS_ENDPOINT_URL set (or AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_DYNAMODB) nothing is started: the tests use what answers there, under names of their own,
 * and remove what they made.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DeleteTableCommand, type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, DeleteBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { dynamoClient, s3Client } from '../../lib/aws/aws-clients.ts';
import { awsStore } from '../../lib/aws/aws-store.ts';
import { createTables } from '../../lib/aws/log-table.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import type { LogStore } from '../../lib/log/log-store.ts';
import { type Meter, noMeter } from '../../lib/log/meter.ts';
import type { ObjectStore } from '../../lib/log/object-store.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DYNOXIDE = `${ROOT}node_modules/@dynoxide/linux-x64/dynoxide`;
const VERSITYGW = process.env.MILLRACE_TEST_S3_BIN || `${ROOT}.cache/bin/versitygw`;
const READY_MS = 20_000;
const POLL_MS = 10;

// What versitygw is started with, and dynoxide takes. The SDK reads them when a client is made.
process.env.AWS_ACCESS_KEY_ID ??= 'test';
process.env.AWS_SECRET_ACCESS_KEY ??= 'testtest1';
process.env.AWS_REGION ??= 'us-east-1';

/** A server that a test started. */
export interface Server {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Starts a program and waits until it takes connections. */
async function startServer(program: string, args: (port: number) => readonly string[]): Promise<Server> {
  if (!existsSync(program)) {
    throw new MillraceError('STORE_MISSING', `${program} is not there`, { hint: 'npm test installs it.' });
  }
  const port = await freePort();
  const child = spawn(program, args(port), { stdio: 'ignore' });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('error', kill);
  const startedMs = clock.monotonicMs();
  while (!(await accepts(port))) {
    const late = clock.monotonicMs() - startedMs > READY_MS;
    if (late || child.exitCode !== null) {
      await stopProcess(child);
      throw new MillraceError('STORE_UNAVAILABLE', `${program} did not start (exit code ${child.exitCode})`);
    }
    await clock.sleep(POLL_MS);
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async stop() {
      process.off('exit', kill);
      await stopProcess(child);
    },
  };
}

const outside = (endpoint: string): Server => ({ endpoint, async stop() {} });
const endpointOf = (service: 'S3' | 'DYNAMODB') =>
  process.env[`AWS_ENDPOINT_URL_${service}`] || process.env.AWS_ENDPOINT_URL;

/** DynamoDB: what AWS_ENDPOINT_URL names, else a dynoxide of its own. */
export async function startDynamo(): Promise<Server> {
  const given = endpointOf('DYNAMODB');
  return given ? outside(given) : startServer(DYNOXIDE, (port) => ['serve', '--port', String(port)]);
}

/** S3: what AWS_ENDPOINT_URL names, else a versitygw of its own, on tmpfs where there is one. */
export async function startS3(): Promise<Server> {
  const given = endpointOf('S3');
  if (given) return outside(given);
  const directory = mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/millrace-s3-`);
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeDirectory);
  const account = ['--access', process.env.AWS_ACCESS_KEY_ID!, '--secret', process.env.AWS_SECRET_ACCESS_KEY!];
  const server = await startServer(VERSITYGW, (port) => [
    ...['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...account],
    ...['posix', directory],
  ]);
  return {
    endpoint: server.endpoint,
    async stop() {
      await server.stop();
      removeDirectory();
      process.off('exit', removeDirectory);
    },
  };
}

/** Names that nobody else uses, within what buckets and tables may be called. */
export const freshContainer = (): string => `millrace-test-${randomUUID()}`;

/** Both services with a bucket; each store has a table of its own. */
export interface Emulators {
  readonly s3: S3Client;
  readonly dynamodb: DynamoDBClient;
  readonly bucket: string;
  /** Whether the server tells the units of AWS; MiniStack 1.5 tells one read unit whatever is read. dynoxide must. */
  readonly countsUnits: boolean;
  openStore(meter?: Meter): Promise<{ readonly store: LogStore; readonly table: string; close(): Promise<void> }>;
  stop(): Promise<void>;
}

async function removeAll(objects: ObjectStore): Promise<void> {
  for (;;) {
    const page = await objects.list('', null, 1000);
    if (page.length === 0) return;
    await objects.remove(page.map(({ key }) => key));
  }
}

/** Reads an item of 8 KB, which takes three units with its key. */
async function countsUnits(dynamodb: DynamoDBClient, table: string): Promise<boolean> {
  const Key = { pk: { S: 'probe' }, sk: { S: 'probe' } };
  const place = { TableName: table, ReturnConsumedCapacity: 'TOTAL' } as const;
  await dynamodb.send(new PutItemCommand({ ...place, Item: { ...Key, b: { B: new Uint8Array(8192) } } }));
  const { ConsumedCapacity: consumed } = await dynamodb.send(
    new GetItemCommand({ ...place, Key, ConsistentRead: true }),
  );
  return consumed?.CapacityUnits === 3;
}

/** Starts both services. */
export async function startEmulators(): Promise<Emulators> {
  const servers = [await startS3(), await startDynamo()] as const;
  const [{ endpoint: s3Endpoint }, { endpoint: dynamoEndpoint }] = servers;
  const [s3, dynamodb] = [s3Client({ endpoint: s3Endpoint }), dynamoClient({ endpoint: dynamoEndpoint })];
  const bucket = freshContainer();
  const tables: string[] = [];
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const openTable = async (): Promise<string> => {
    const table = freshContainer();
    await createTables({ endpoint: dynamoEndpoint, logTable: table, clock });
    tables.push(table);
    return table;
  };
  const storeOf = (table: string, meter: Meter) => awsStore({ s3, dynamodb, bucket, logTable: table, clock, meter });
  return {
    s3,
    dynamodb,
    bucket,
    countsUnits: endpointOf('DYNAMODB') === undefined || (await countsUnits(dynamodb, await openTable())),
    async openStore(meter = noMeter) {
      const table = await openTable();
      const store = storeOf(table, meter);
      return { store, table, close: () => store.close() };
    },
    async stop() {
      for (const table of tables) await dynamodb.send(new DeleteTableCommand({ TableName: table }));
      await removeAll(storeOf('', noMeter).objects);
      await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
      s3.destroy();
      dynamodb.destroy();
      for (const server of servers) await server.stop();
    },
  };
}
