/** What `npx cdk deploy` makes in a clone: deployed, used, deployed again with other settings, taken away. And that making it asks nobody on the network. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { connect } from 'millrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, type Server } from '../aws/server-process.ts';
import { codeBlocks, readDocument } from '../docs/markdown.ts';
import { Cdk } from './cdk.ts';
import { startDeployEmulator } from './ministack.ts';

let server: Server;
let cdk: Cdk;

beforeAll(async () => {
  server = await startDeployEmulator();
  process.env.AWS_ENDPOINT_URL = server.endpoint;
  cdk = new Cdk(server.endpoint, 'bin/app.ts');
  await cdk.bootstrap();
}, 120_000);
afterAll(async () => {
  cdk?.close();
  await server?.stop();
});

describe('the app of a clone', () => {
  it('deploys a log that works, with a first topic, and says where everything is', async () => {
    const { Millrace: outputs } = await cdk.deploy();
    expect(Object.keys(outputs!)).toEqual(
      expect.arrayContaining(['ConnectionString', 'BucketName', 'LogTableName', 'GroupsTableName', 'TopicName', 'Url']),
    );
    expect(outputs!.Url).toMatch(/^https?:\/\/.+/);
    const millrace = await connect(outputs!.ConnectionString!);
    const sent = await millrace.producer().send({ topic: 'events', key: 'ada', value: 'two coffees' });
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: outputs!.TopicName! }]);
    for await (const record of reader) expect([record.offset, record.text()]).toEqual([sent.offset, 'two coffees']);
    await millrace.close();
  });

  it('takes and gives records by the commands of the documents', async () => {
    const { Millrace: outputs } = await cdk.deploy();
    const { text } = readDocument('docs/deployment.md');
    const blockWith = (part: string) => codeBlocks(text, 'sh').find((block) => block.text.includes(part))!.text;
    const produceAndConsume = blockWith('npx millrace consume').replace(
      /^STORE=.*/,
      `STORE='${outputs!.ConnectionString}'`,
    );
    const inEmulator = blockWith('signed+=(')
      .replace('127.0.0.1:4566', new URL(server.endpoint).host)
      .replace(/^URL=.*/m, `URL=${outputs!.Url!.replace('https:', 'http:')}`);
    const overHttp = blockWith('signed=(')
      .replace(/^curl/m, `${inEmulator}curl`)
      .replace(/^curl.*/gm, '$&; echo');
    const script = ['-ec', `${produceAndConsume}${overHttp}`];
    const { stdout } = await promisify(execFile)('bash', script, { cwd: ROOT });
    const [consumed, sent, fetched] = stdout.trim().split('\n').slice(-3);
    expect(consumed).toBe('two coffees');
    expect(JSON.parse(sent!)).toEqual({ results: [expect.objectContaining({ partition: 0 })] });
    expect(JSON.parse(fetched!).records).toContainEqual(expect.objectContaining({ value: 'two coffees' }));
  }, 60_000);

  it('changes what is changed and makes nothing anew, and leaves the data when it goes', async () => {
    const { Millrace: outputs } = await cdk.deploy({ partitions: '6' });
    const millrace = await connect(outputs!.ConnectionString!);
    const topic = await millrace.topics.getTopic('events');
    expect(topic).toMatchObject({ partitionCount: 6, topicId: outputs!.TopicId });
    await cdk.destroy();
    const dynamodb = new DynamoDBClient({ endpoint: server.endpoint });
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: outputs!.LogTableName }));
    expect(Table!.TableStatus).toBe('ACTIVE');
    expect(await millrace.topics.listTopics()).toEqual(['events']);
    dynamodb.destroy();
    await millrace.close();
  });
});

describe('cdk synth', () => {
  it('has every recommendation of the CDK decided, so that it has nothing to remark', () => {
    const contentOf = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
    const recommended = contentOf('node_modules/aws-cdk-lib/recommended-feature-flags.json');
    // Stacks that use outputs of another one keep it from being taken away; the emulator does not know the weaker way.
    const decided = { ...recommended, '@aws-cdk/core:defaultCrossStackReferences': 'strong' };
    expect(contentOf('cdk.json').context).toMatchObject(decided);
  });

  it('asks nobody on the network', async () => {
    const asked: string[] = [];
    const proxy = createServer((socket) =>
      socket.once('data', (data) => asked.push(String(data))).on('error', () => {}),
    );
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const folder = mkdtempSync(join(tmpdir(), 'millrace-synth-'));
    const child = spawn(
      process.execPath,
      [`${ROOT}node_modules/aws-cdk/bin/cdk`, 'synth', '--quiet', '--build', 'true', '--output', folder],
      {
        cwd: ROOT,
        stdio: 'ignore',
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          HTTP_PROXY: url,
          HTTPS_PROXY: url,
          AWS_EC2_METADATA_DISABLED: 'true',
        },
      },
    );
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(asked).toEqual([]);
    const template = JSON.parse(readFileSync(join(folder, 'Millrace.template.json'), 'utf8'));
    expect(JSON.stringify(template)).not.toContain('AWS::CDK::Metadata');
    proxy.close();
    rmSync(folder, { recursive: true });
  });
});
