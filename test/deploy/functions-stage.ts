/** The deployed functions in an emulator, made by plain calls of the APIs: what the constructs make, without them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { CreateScheduleGroupCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { createTables } from '../../lib/aws/tables.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { type EventSourceTools, openEventSourceTools } from '../../lib/connect/event-source-tools.ts';
import { makeBucket } from '../aws/emulators.ts';
import { freshContainer, ROOT } from '../aws/server-process.ts';
import { startDeployEmulator } from './ministack.ts';

const ROLE = 'arn:aws:iam::000000000000:role/millrace-test';

/** What rings, as the mapping of the router filters it. */
export const ROUTER_FILTERS: readonly object[] = [
  { dynamodb: { Keys: { sk: { S: ['HEAD'] } }, NewImage: { ring: { N: ['1'] } } } },
  { eventName: ['INSERT', 'MODIFY'], dynamodb: { Keys: { pk: { S: ['BELLS'] } } } },
  { eventName: ['INSERT', 'MODIFY'], dynamodb: { Keys: { pk: { S: [{ prefix: 'DUE#' }] } } } },
];

/** Functions that are deployed, and a client beside them. */
export interface FunctionsStage {
  readonly endpoint: string;
  readonly lambda: LambdaClient;
  readonly tools: EventSourceTools;
  /** Of the HTTP API. */
  readonly url: string;
  /** What functions and clients are told of the log. */
  readonly store: string;
  /** Deploys a function; `source` is ESM with the export `handler`. Resolves to its ARN. */
  deploy(name: string, source: string | { readonly folder: string }, options?: DeployOptions): Promise<string>;
  stop(): Promise<void>;
}

/** How a function is made. */
export interface DeployOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutSeconds?: number;
}

/** Starts an emulator with everything in it. */
export async function deployFunctions(): Promise<FunctionsStage> {
  const server = await startDeployEmulator();
  const { endpoint } = server;
  process.env.AWS_ENDPOINT_URL = endpoint;
  const bucket = await makeBucket(endpoint);
  const table = freshContainer();
  await createTables({ logTable: table, clock, endpoint });
  const store = `aws:?bucket=${bucket}&table=${table}&delays=true`;
  const lambda = new LambdaClient({ endpoint });
  const deploy: FunctionsStage['deploy'] = async (name, source, { environment = {}, timeoutSeconds = 900 } = {}) => {
    const ZipFile = zipOf(source);
    const { FunctionArn } = await lambda.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Role: ROLE,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Code: { ZipFile },
        Timeout: timeoutSeconds,
        MemorySize: 512,
        Environment: { Variables: { MILLRACE_STORE: store, ...environment } },
      }),
    );
    return FunctionArn!;
  };
  const own = (name: string, environment: Readonly<Record<string, string>> = {}) =>
    deploy(`millrace-${name}`, { folder: join(ROOT, 'dist/lambdas', name) }, { environment });
  const scheduler = new SchedulerClient({ endpoint });
  await scheduler.send(new CreateScheduleGroupCommand({ Name: 'millrace' }));
  const releaser = await own('releaser');
  const pump = await own('pump');
  const router = await own('router', {
    MILLRACE_PUMP_FUNCTION: pump,
    MILLRACE_RELEASER_FUNCTION: releaser,
    MILLRACE_SCHEDULE_GROUP: 'millrace',
    MILLRACE_SCHEDULE_ROLE: ROLE,
  });
  for (const name of ['maintenance', 'provider', 'http']) await own(name);
  const url = new CreateFunctionUrlConfigCommand({ FunctionName: 'millrace-http', AuthType: 'NONE' });
  const { FunctionUrl } = await lambda.send(url);
  const dynamodb = new DynamoDBClient({ endpoint });
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: table }));
  await lambda.send(
    new CreateEventSourceMappingCommand({
      EventSourceArn: Table!.LatestStreamArn,
      FunctionName: router,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
      MaximumRetryAttempts: 20,
      BisectBatchOnFunctionError: true,
      FilterCriteria: { Filters: ROUTER_FILTERS.map((one) => ({ Pattern: JSON.stringify(one) })) },
    }),
  );
  const tools = await openEventSourceTools(store);
  return {
    endpoint,
    lambda,
    url: FunctionUrl!,
    tools,
    store,
    deploy,
    async stop() {
      await tools.close();
      for (const client of [lambda, scheduler, dynamodb]) client.destroy();
      await server.stop();
    },
  };
}

function zipOf(source: string | { readonly folder: string }): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-zip-'));
  try {
    const file = join(folder, 'function.zip');
    if (typeof source === 'string') writeFileSync(join(folder, 'index.mjs'), source);
    // With the parts that lie beside it.
    const files = typeof source === 'string' ? folder : source.folder;
    const names = readdirSync(files);
    execFileSync('python3', ['-m', 'zipfile', '-c', file, ...names], { cwd: files });
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
