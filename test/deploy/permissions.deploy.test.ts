/**
 * What grants open, and what they do not: an emulator that enforces policies, a deployed log, and clients that have a role each. Refusals are asked of the services themselves, by requests that a stolen credential would make.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Kafka, logLevel } from 'kafkajs';
import { awsStore } from 'millrace/aws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { startGateway } from '../../lib/gateway/gateway.ts';
import { ACCOUNT, type Server } from '../aws/server-process.ts';
import { Cdk } from './cdk.ts';
import { startDeployEmulator } from './ministack.ts';

const ROLES = ['Producer', 'Consumer', 'Reader', 'Delayer', 'TopicManager', 'Gateway', 'Operator'] as const;
type Role = (typeof ROLES)[number];

/** Too large to travel inside the head. */
const LARGE = 'x'.repeat(4_000);

let server: Server;
let cdk: Cdk;
let folder: string;
let outputs: Readonly<Record<string, string>>;
const open: { close(): Promise<void> | void }[] = [];

beforeAll(async () => {
  server = await startDeployEmulator({ strict: true });
  cdk = new Cdk(server.endpoint, 'test/deploy/permissions-app.ts');
  await cdk.bootstrap();
  outputs = (await cdk.deploy()).Permissions!;
  folder = mkdtempSync(join(tmpdir(), 'millrace-profiles-'));
  const root = `[root]\naws_access_key_id = ${ACCOUNT.accessKeyId}\naws_secret_access_key = ${ACCOUNT.secretAccessKey}\n`;
  const profiles = ROLES.map((role) => `[${role}]\nrole_arn = ${outputs[`${role}Role`]}\nsource_profile = root\n`);
  writeFileSync(join(folder, 'credentials'), [root, ...profiles].join('\n'));
  process.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, 'credentials');
  process.env.AWS_ENDPOINT_URL = server.endpoint;
  // Those of the emulator's owner, which policies do not bind.
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
  const operator = millraceOf('Operator');
  for (const topic of ['orders', 'returns', 'salaries']) {
    await operator.producer().send({ topic, key: 'ada', value: LARGE });
  }
}, 240_000);
afterAll(async () => {
  for (const one of open) await one.close();
  cdk?.close();
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

function clientsOf(role: Role) {
  const place = { endpoint: server.endpoint, region: 'us-east-1', profile: role, maxAttempts: 1 };
  const s3 = new S3Client({ ...place, forcePathStyle: true });
  const dynamodb = new DynamoDBClient(place);
  open.push({ close: () => void [s3.destroy(), dynamodb.destroy()] });
  return { s3, dynamodb };
}

function storeOf(role: Role) {
  return awsStore({
    ...clientsOf(role),
    bucket: outputs.BucketName!,
    logTable: outputs.LogTableName!,
    groupsTable: outputs.GroupsTableName!,
    prefix: 'logs',
    clock,
  });
}

function millraceOf(role: Role): Millrace {
  const store = storeOf(role);
  const millrace = new Millrace({ store, clock, random, ownsStore: true, isReleasing: true });
  open.unshift(millrace);
  return millrace;
}

/** The object of a topic's only record. */
async function objectOf(domain: string): Promise<string> {
  const { s3 } = clientsOf('Operator');
  const { Contents = [] } = await s3.send(
    new ListObjectsV2Command({ Bucket: outputs.BucketName, Prefix: `logs/${domain}/0/` }),
  );
  return Contents[0]!.Key!;
}

const refused = expect.objectContaining({ name: expect.stringMatching(/^AccessDenied(Exception)?$/) });
const logTable = () => outputs.LogTableName!;
const groupsTable = () => outputs.GroupsTableName!;
const key = (pk: string, sk: string) => ({ pk: { S: pk }, sk: { S: sk } });
const getItem = (TableName: string, pk: string, sk: string) => new GetItemCommand({ TableName, Key: key(pk, sk) });

describe('whoever may produce to a topic', () => {
  it('does, inline and by segments', async () => {
    const producer = millraceOf('Producer').producer();
    await expect(producer.send({ topic: 'orders', value: 'small' })).resolves.toMatchObject({ partition: 0 });
    await expect(producer.send({ topic: 'orders', value: LARGE })).resolves.toMatchObject({ partition: 0 });
  });

  it('reads no object, not even its own, and lists none', async () => {
    const { s3 } = clientsOf('Producer');
    const Bucket = outputs.BucketName!;
    const get = new GetObjectCommand({ Bucket, Key: await objectOf('shared') });
    await expect(s3.send(get)).rejects.toEqual(refused);
    await expect(s3.send(new ListObjectsV2Command({ Bucket }))).rejects.toEqual(refused);
  });

  it('writes no object outside of its domain, and over none inside', async () => {
    const { s3 } = clientsOf('Producer');
    const Bucket = outputs.BucketName!;
    const elsewhere = [`logs/${outputs.SalariesDomain}/0/0/x`, 'logs/shared/1/0/x', 'logs/_maintenance/x', 'x'];
    for (const Key of elsewhere) {
      const put = new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' });
      await expect(s3.send(put), Key).rejects.toEqual(refused);
    }
    const over = new PutObjectCommand({ Bucket, Key: await objectOf('shared'), Body: 'x' });
    await expect(s3.send(over)).rejects.toEqual(refused);
  });

  it('touches no other topic', async () => {
    const { dynamodb } = clientsOf('Producer');
    const head = `P#${outputs.ReturnsId}#0`;
    const update = new UpdateItemCommand({
      TableName: logTable(),
      Key: key(head, 'HEAD'),
      UpdateExpression: 'SET #start = :zero',
      ExpressionAttributeNames: { '#start': 'start' },
      ExpressionAttributeValues: { ':zero': { N: '0' } },
    });
    await expect(dynamodb.send(update)).rejects.toEqual(refused);
    for (const [pk, sk] of [
      [head, 'HEAD'],
      ['T#returns', 'TOPIC'],
      ['TOPICS', 'orders'],
      ['JOBS', 'retention'],
    ] as const) {
      await expect(dynamodb.send(getItem(logTable(), pk, sk)), pk).rejects.toEqual(refused);
    }
    const transaction = new TransactWriteItemsCommand({
      TransactItems: [{ Put: { TableName: logTable(), Item: key(head, 'C#0') } }],
    });
    await expect(dynamodb.send(transaction)).rejects.toEqual(refused);
    await expect(dynamodb.send(new ScanCommand({ TableName: logTable() }))).rejects.toEqual(refused);
    const producer = millraceOf('Producer').producer();
    await expect(producer.send({ topic: 'returns', value: 'x' })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  it('touches no group', async () => {
    const { dynamodb } = clientsOf('Producer');
    for (const pk of ['G#billing', 'GROUPS', 'SUBS', `D#${outputs.OrdersId}#0`]) {
      await expect(dynamodb.send(getItem(groupsTable(), pk, 'META')), pk).rejects.toEqual(refused);
      const put = new PutItemCommand({ TableName: groupsTable(), Item: key(pk, 'META') });
      await expect(dynamodb.send(put), pk).rejects.toEqual(refused);
    }
  });

  it('delays records only if that was granted too', async () => {
    const delayed = { topic: 'orders', value: LARGE, delay: '1h' } as const;
    const plain = millraceOf('Producer').producer();
    await expect(plain.send(delayed)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const delayer = millraceOf('Delayer').producer();
    await expect(delayer.send(delayed)).resolves.toMatchObject({ id: expect.any(String) });
  });
});

describe('whoever may consume for a group', () => {
  it('reads the topic and commits for the group', async () => {
    const consumer = millraceOf('Consumer').consumer({ group: 'billing' });
    await consumer.subscribe(['orders']);
    const values: string[] = [];
    for await (const record of consumer) {
      values.push(String(record.text()));
      if (values.length === 2) consumer.stop();
    }
    await consumer.commit();
    await consumer.close();
    expect(values).toEqual([LARGE, 'small']);
    const { dynamodb } = clientsOf('Consumer');
    const { Item } = await dynamodb.send(
      getItem(groupsTable(), 'G#billing', `O#${outputs.OrdersId}#${'0'.repeat(10)}`),
    );
    expect(Item?.committed).toEqual({ N: '2' });
  });

  it('neither reads nor commits for another one', async () => {
    const millrace = millraceOf('Consumer');
    const consumer = millrace.consumer({ group: 'shipping' });
    const next = async () => {
      await consumer.subscribe(['orders']);
      for await (const _ of consumer) return;
    };
    await expect(next()).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const { dynamodb } = clientsOf('Consumer');
    for (const pk of ['G#shipping', 'G#billing2', 'SUBS', `D#${outputs.OrdersId}#0`]) {
      const put = new PutItemCommand({ TableName: groupsTable(), Item: key(pk, 'META') });
      await expect(dynamodb.send(put), pk).rejects.toEqual(refused);
      await expect(dynamodb.send(getItem(groupsTable(), pk, 'META')), pk).rejects.toEqual(refused);
    }
    const listing = new QueryCommand({
      TableName: groupsTable(),
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: 'GROUPS' } },
    });
    await expect(dynamodb.send(listing)).rejects.toEqual(refused);
  });

  it('writes no record', async () => {
    const producer = millraceOf('Consumer').producer();
    await expect(producer.send({ topic: 'orders', value: 'x' })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });
});

describe('isolation domains', () => {
  it('keep the objects of a topic from readers of others', async () => {
    const Bucket = outputs.BucketName!;
    const [shared, own] = [await objectOf('shared'), await objectOf(outputs.SalariesDomain!)];
    const get = (role: Role, Key: string) => clientsOf(role).s3.send(new GetObjectCommand({ Bucket, Key }));
    await expect(get('Consumer', own)).rejects.toEqual(refused);
    await expect(get('Reader', shared)).rejects.toEqual(refused);
    await expect(get('Reader', own)).resolves.toMatchObject({ ContentLength: expect.any(Number) });
    // What shares a domain shares its readers, whatever topic an object holds.
    await expect(get('Consumer', shared)).resolves.toMatchObject({ ContentLength: expect.any(Number) });
  });

  it('do not keep a reader from its topic', async () => {
    const reader = millraceOf('Reader').reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'salaries' }]);
    const values: string[] = [];
    for await (const record of reader) values.push(String(record.text()));
    expect(values).toEqual([LARGE]);
  });
});

describe('whoever may manage a topic', () => {
  it('changes it, extends it, and deletes it', async () => {
    const { topics } = millraceOf('TopicManager');
    await topics.alterTopic('returns', { set: { 'retention.ms': '60000' } });
    await topics.addPartitions('returns', 2);
    await expect(topics.alterTopic('orders', { set: { 'retention.ms': '60000' } })).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
    await topics.deleteTopic('returns');
    expect(await millraceOf('Operator').topics.listTopics()).toEqual(['orders', 'salaries']);
  });
});

describe('a gateway', () => {
  it('serves clients written for Kafka: topics, records, groups', async () => {
    const gateway = await startGateway({ store: storeOf('Gateway'), clock, random, port: 0 });
    open.unshift(gateway);
    const brokers = [`127.0.0.1:${gateway.port}`];
    const kafka = new Kafka({ clientId: 'a test', brokers, logLevel: logLevel.NOTHING });
    const [admin, producer, consumer] = [
      kafka.admin(),
      kafka.producer({ idempotent: true }),
      kafka.consumer({ groupId: 'kafka' }),
    ];
    open.unshift({ close: () => consumer.disconnect() }, { close: () => producer.disconnect() });
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'invoices', numPartitions: 2 }] });
    expect(await admin.listTopics()).toEqual(expect.arrayContaining(['invoices', 'orders', 'salaries']));
    await producer.connect();
    await producer.send({ topic: 'invoices', messages: [{ value: 'small' }, { value: LARGE }] });
    await consumer.connect();
    await consumer.subscribe({ topic: 'invoices', fromBeginning: true });
    const values = new Set<string>();
    const all = Promise.withResolvers<void>();
    await consumer.run({
      async eachMessage({ message }) {
        values.add(String(message.value));
        if (values.size === 2) all.resolve();
      },
    });
    await all.promise;
    await consumer.stop();
    const committed = await admin.fetchOffsets({ groupId: 'kafka', topics: ['invoices'] });
    const moved = committed
      .flatMap(({ partitions }) => partitions)
      .reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    expect(moved).toBe(2);
    await admin.deleteTopics({ topics: ['invoices'] });
    expect(await admin.listTopics()).not.toContain('invoices');
    await admin.disconnect();
  }, 120_000);

  it('deletes no object, and touches neither jobs nor subscriptions nor delayed records', async () => {
    const { s3, dynamodb } = clientsOf('Gateway');
    const remove = new DeleteObjectCommand({ Bucket: outputs.BucketName, Key: await objectOf('shared') });
    await expect(s3.send(remove)).rejects.toEqual(refused);
    for (const [table, pk] of [
      [logTable(), 'JOBS'],
      [logTable(), 'DUE#0'],
      [groupsTable(), 'SUBS'],
      [groupsTable(), 'D#0'],
    ] as const) {
      await expect(dynamodb.send(getItem(table, pk, 'x')), pk).rejects.toEqual(refused);
    }
  });
});
