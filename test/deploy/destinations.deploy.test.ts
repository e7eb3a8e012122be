/** Where failed records go, with the permissions that the constructs give and no others. */
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { connect, type Millrace } from 'millrace';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Server } from '../aws/server-process.ts';
import { Cdk } from './cdk.ts';
import { startDeployEmulator } from './ministack.ts';

const LONG = { timeout: 60_000, interval: 500 };

let server: Server;
let cdk: Cdk;
let outputs: Readonly<Record<string, string>>;
let millrace: Millrace;

beforeAll(async () => {
  server = await startDeployEmulator({ strict: true });
  process.env.AWS_ENDPOINT_URL = server.endpoint;
  cdk = new Cdk(server.endpoint, 'test/deploy/destinations-app.ts');
  await cdk.bootstrap();
  outputs = (await cdk.deploy()).Destinations!;
  millrace = await connect(outputs.ConnectionString!);
}, 400_000);
afterAll(async () => {
  await millrace?.close();
  cdk?.close();
  await server?.stop();
});

describe('a record that is given up', () => {
  it('is in the queue and in the bucket, and its partition goes on', async () => {
    await millrace.producer().send({ topic: 'orders', key: 'ada', value: 'two coffees' });
    const sqs = new SQSClient({ endpoint: server.endpoint });
    const received = await vi.waitFor(async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: outputs.QueueUrl }));
      expect(Messages).toHaveLength(1);
      return Messages[0]!;
    }, LONG);
    expect(JSON.parse(received.Body!)).toMatchObject({ requestContext: { requestId: 'orders-0-0' } });
    const s3 = new S3Client({ endpoint: server.endpoint, forcePathStyle: true });
    await vi.waitFor(async () => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: outputs.BucketName }));
      expect(Contents.map(({ Key }) => Key)).toEqual([expect.stringMatching(/^aws\/lambda\/stored\/orders-0\//)]);
    }, LONG);
    for (const group of ['queued', 'noticed', 'stored']) {
      await vi.waitFor(async () => {
        const { partitions } = await millrace.groups.describeGroup(group);
        expect(partitions.map(({ committed }) => committed)).toEqual([1n]);
      }, LONG);
    }
    for (const client of [sqs, s3]) client.destroy();
  });

  it('is in a retry topic with a domain of its own, where its topic has one, however large it is', async () => {
    const order = JSON.stringify({ id: 1, total: -1, note: 'x'.repeat(4_000) });
    await millrace.producer().send({ topic: 'orders-own', key: 'ada', value: order });
    await vi.waitFor(async () => {
      const reader = millrace.reader({ stopAtEnd: true });
      await reader.assign([{ topic: 'own.retry-1' }]);
      const values: unknown[] = [];
      for await (const record of reader) values.push(record.text());
      expect(values).toEqual([order]);
    }, LONG);
  });
});
