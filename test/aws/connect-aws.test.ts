import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectAws } from '../../lib/aws/connect-aws.ts';
import { createTables, groupsTable, logTable } from '../../lib/aws/tables.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { openStore } from '../../lib/connect/open-store.ts';
import { UnansweredError } from '../../lib/errors.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { commitArgs } from '../log/contract/fresh.ts';
import {
  dynamoAnswer,
  dynamoError,
  inTurn,
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
  s3Error,
  scriptedServer,
} from './scripted-server.ts';

const partition = { topicId: 'the-topic', partition: 0 };
const undo: (() => Promise<void>)[] = [];

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testtest1');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  const absent = ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_REGION', 'AWS_WEB_IDENTITY_TOKEN_FILE'];
  for (const name of absent) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of undo.splice(0).reverse()) await one();
});

async function served(script: (request: SeenRequest) => ScriptedAnswer): Promise<ScriptedServer> {
  const server = await scriptedServer(script);
  undo.push(() => server.stop());
  return server;
}

function connected(endpoint: string, more: { region?: string; prefix?: string } = {}) {
  const store = connectAws({ bucket: 'the-bucket', logTable: 'the-table', endpoint, clock, ...more });
  undo.push(() => store.close());
  return store;
}

describe('a store that connects by itself', () => {
  it('never lets the SDK repeat a request', async () => {
    const server = await served(({ headers }) =>
      headers['x-amz-target'] ? dynamoError(500, 'InternalServerError') : s3Error(500, 'InternalError'),
    );
    const store = connected(server.endpoint);
    await expect(store.objects.put('a', Uint8Array.of(1))).rejects.toBeInstanceOf(UnansweredError);
    expect(server.requests.length).toBe(1);
    await expect(store.heads.commit(partition, commitArgs(1))).rejects.toBeInstanceOf(UnansweredError);
    expect(server.requests.length).toBe(2);
  });

  it('sends a large object on the connection that it has, and without asking first', async () => {
    const server = await served(inTurn({ status: 200 }));
    const store = connected(server.endpoint);
    const ports = new Set<number | undefined>();
    for (const key of ['a', 'b', 'c']) {
      await store.objects.put(key, new Uint8Array(3 * 1024 * 1024));
      ports.add(server.requests.at(-1)!.clientPort);
    }
    expect(server.requests.map(({ headers }) => headers.expect)).toEqual([undefined, undefined, undefined]);
    expect(ports.size).toBe(1);
  });

  it('names the bucket in the path of an emulator, whatever its host is called', async () => {
    const server = await served(inTurn({ status: 200 }));
    const store = connected(server.endpoint.replace('127.0.0.1', 'localhost'));
    await store.objects.put('a', Uint8Array.of(1));
    expect(server.requests.length).toBe(1);
    expect(server.requests[0]!.path).toBe('/the-bucket/a?x-id=PutObject');
    expect(server.requests[0]!.headers.host).toMatch(/^localhost:/);
  });

  it('signs for the region it is given, else for that of the environment', async () => {
    const server = await served(inTurn(dynamoAnswer({})));
    await connected(server.endpoint).topics.get('a');
    await connected(server.endpoint, { region: 'ap-south-1' }).topics.get('a');
    const [first, second] = server.requests.map(({ headers }) => headers.authorization);
    expect(first).toContain('/eu-central-1/dynamodb/');
    expect(second).toContain('/ap-south-1/dynamodb/');
  });

  it('says that there is no region, or are no credentials, and sends nothing', async () => {
    const server = await served(inTurn({ status: 200 }));
    vi.stubEnv('AWS_REGION', undefined);
    const regionless = connected(server.endpoint);
    for (const ask of [() => regionless.objects.size('a'), () => regionless.topics.get('a')]) {
      await expect(ask()).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        hint: expect.stringContaining('AWS_REGION'),
      });
    }
    vi.stubEnv('AWS_REGION', 'eu-central-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const stranger = connected(server.endpoint);
    for (const ask of [() => stranger.objects.put('a', Uint8Array.of(1)), () => stranger.topics.get('a')]) {
      const error = await ask().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', retriable: false });
      expect(error).toMatchObject({ hint: expect.stringContaining('AWS_PROFILE') });
    }
    expect(server.requests).toEqual([]);
  });

  it('may be closed twice, and says CLOSED afterwards', async () => {
    const store = connected('http://127.0.0.1:9');
    await store.close();
    await store.close();
    await expect(store.objects.size('a')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.topics.get('a')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('keeps its prefix, and refuses what is none', () => {
    expect(connected('http://127.0.0.1:9', { prefix: 'a/b' }).prefix).toBe('a/b');
    expect(() => connected('http://127.0.0.1:9', { prefix: '/a' })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });

  it('is what a connection string opens', async () => {
    const server = await served(inTurn(dynamoAnswer({})));
    const place = { groups: undefined, prefix: 'p', region: 'us-west-2', endpoint: server.endpoint };
    const store = await openStore(
      { kind: 'aws', bucket: 'b', table: 't', delays: false, ...place },
      { clock, meter: noMeter },
    );
    undo.push(() => store.close());
    await store.topics.get('a');
    expect(JSON.parse(server.requests[0]!.body.toString())).toMatchObject({ TableName: 't' });
    expect(server.requests[0]!.headers.authorization).toContain('/us-west-2/');
    expect(store.prefix).toBe('p');
  });
});

describe('createTables', () => {
  const sleeps: number[] = [];
  const patient = { ...clock, sleep: async (ms: number) => void sleeps.push(ms) };
  const state = (TableStatus: string) => dynamoAnswer({ Table: { TableStatus } });
  const targets = ({ requests }: ScriptedServer) =>
    requests.map(({ headers }) => String(headers['x-amz-target']).replace(/.*\./, ''));

  it('makes both tables and waits until they can be used', async () => {
    const made = dynamoAnswer({});
    const script = [made, state('CREATING'), state('CREATING'), state('ACTIVE'), made, state('ACTIVE')];
    const server = await served(inTurn(...script));
    sleeps.length = 0;
    await createTables({ endpoint: server.endpoint, logTable: 'the-table', clock: patient });
    const describes = ['DescribeTable', 'DescribeTable', 'DescribeTable'];
    expect(targets(server)).toEqual(['CreateTable', ...describes, 'CreateTable', 'DescribeTable']);
    expect(JSON.parse(server.requests[0]!.body.toString())).toEqual(logTable('the-table'));
    expect(JSON.parse(server.requests[4]!.body.toString())).toEqual(groupsTable('the-table-groups'));
    expect(sleeps.length).toBe(2);
  });

  it('leaves tables that are there as they are', async () => {
    const there = dynamoError(400, 'ResourceInUseException');
    const server = await served(inTurn(there, state('ACTIVE'), there, state('ACTIVE')));
    await createTables({ endpoint: server.endpoint, logTable: 'the-table', groupsTable: 'g', clock: patient });
    expect(targets(server)).toEqual(['CreateTable', 'DescribeTable', 'CreateTable', 'DescribeTable']);
    expect(JSON.parse(server.requests[3]!.body.toString())).toEqual({ TableName: 'g' });
  });

  it('gives up on a table that never can be used', async () => {
    const server = await served(inTurn(dynamoAnswer({}), state('CREATING')));
    const made = createTables({ endpoint: server.endpoint, logTable: 'the-table', clock: patient });
    await expect(made).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', value: 'the-table' });
  });

  it('tells what it may not do', async () => {
    const server = await served(inTurn(dynamoError(400, 'AccessDeniedException')));
    const made = createTables({ endpoint: server.endpoint, logTable: 'the-table', clock: patient });
    await expect(made).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });
});

describe('the table of the log', () => {
  it('has a text key in two parts, costs nothing when idle, and streams the new image', () => {
    expect(logTable('x')).toMatchObject({
      TableName: 'x',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    });
  });
});
