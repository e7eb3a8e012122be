/** Where chaos tests keep their logs: as clients under faults see it, and as a judge does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { createTables } from '../../lib/aws/tables.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { connect, type Millrace } from '../../lib/index.ts';
import { makeBucket } from '../aws/emulators.ts';
import { startS3 } from '../aws/s3-server.ts';
import { ROOT, startServer } from '../aws/server-process.ts';
import { temporaryDirectory } from '../cli/cli-stage.ts';
import { CHAOS_PARTITIONS, CHAOS_TOPIC } from './chaos-topic.ts';

/** A store, and what a process needs in its environment to find it. */
export interface Place {
  readonly connection: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One store seen in two ways. */
export interface Places {
  readonly faulty: Place;
  readonly calm: Place;
}

/** A file store with the topic; processes die, requests do not. */
export async function filePlaces(): Promise<Places> {
  const place = { connection: `file:${await temporaryDirectory()}`, env: {} };
  await withMillrace(place, createTopic);
  return { faulty: place, calm: place };
}

/** S3 and DynamoDB servers with the topic, each also behind a proxy that is faulty so often. */
export async function awsPlaces(faultProbability: number): Promise<Places> {
  const s3 = await startS3();
  const dynamo = await startServer(`${ROOT}node_modules/@dynoxide/linux-x64/dynoxide`, (port) => [
    'serve',
    '--port',
    String(port),
  ]);
  onTestFinished(() => Promise.all([s3.stop(), dynamo.stop()]).then(() => {}));
  await createTables({ endpoint: dynamo.endpoint, logTable: CHAOS_TOPIC, clock });
  const bucket = await makeBucket(s3.endpoint);
  const connection = `aws:?bucket=${bucket}&table=${CHAOS_TOPIC}&region=us-east-1`;
  const placeOf = (s3Url: string, dynamoUrl: string) => {
    return { connection, env: { AWS_ENDPOINT_URL_S3: s3Url, AWS_ENDPOINT_URL_DYNAMODB: dynamoUrl } };
  };
  const calm = placeOf(s3.endpoint, dynamo.endpoint);
  await withMillrace(calm, createTopic);
  const proxies = [
    await startProxy(s3.endpoint, faultProbability),
    await startProxy(dynamo.endpoint, faultProbability),
  ] as const;
  return { faulty: placeOf(...proxies), calm };
}

async function startProxy(endpoint: string, faultProbability: number): Promise<string> {
  const script = fileURLToPath(new URL('./faulty-proxy.ts', import.meta.url));
  const args = [script, new URL(endpoint).port, String(faultProbability)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return `http://127.0.0.1:${port.trim()}`;
}

async function createTopic(millrace: Millrace): Promise<void> {
  await millrace.topics.createTopic({ name: CHAOS_TOPIC, partitionCount: CHAOS_PARTITIONS });
}

/** Connects, does something, and closes. */
export function withMillrace<T>({ connection, env }: Place, action: (millrace: Millrace) => Promise<T>): Promise<T> {
  return withEnvironment(env, async () => {
    const millrace = await connect(connection);
    try {
      return await action(millrace);
    } finally {
      await millrace.close();
    }
  });
}

/** The SDK finds its endpoints in the environment, when a client is made. */
export async function withEnvironment<T>(env: Place['env'], action: () => Promise<T>): Promise<T> {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    return await action();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
