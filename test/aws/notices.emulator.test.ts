/** What fails goes to queues, topics of SNS and buckets, through the real clients. */
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { s3Client } from '../../lib/aws/aws-clients.ts';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { noticeSender } from '../../lib/connect/notice-sender.ts';
import type { NoticeSender } from '../../lib/event-source/notice-sender.ts';
import type { SubscriptionOptions } from '../../lib/event-source/subscription-options.ts';
import { type EventSourceBench, openBench } from '../event-source/event-source-bench.ts';
import { startMinistack } from './ministack-server.ts';
import { freshContainer, type Server } from './server-process.ts';

const REGION = 'us-east-1';
const ACCOUNT_ID = '000000000000';

let server: Server;
let sqs: SQSClient;
let sns: SNSClient;
let s3: S3Client;
let notices: NoticeSender;
let bench: EventSourceBench;

beforeAll(async () => {
  server = await startMinistack();
  const place = { endpoint: server.endpoint, region: REGION };
  sqs = new SQSClient({ ...place, useQueueUrlAsEndpoint: false });
  sns = new SNSClient(place);
  s3 = s3Client(place);
});
afterAll(async () => {
  for (const client of [sqs, sns, s3]) client.destroy();
  await server.stop();
});
beforeEach(async () => {
  notices = noticeSender({ clock, random, place: { endpoint: server.endpoint, region: REGION } });
  bench = openBench({ notices });
  await bench.millrace.topics.createTopic({
    name: 'orders',
    partitionCount: 1,
    config: { 'max.message.bytes': '4000000' },
  });
  bench.functions.set('bill', () => {
    throw new RangeError('no such account');
  });
});
afterEach(async () => {
  await bench.close();
  await notices.close();
});

/** A queue of its own. */
async function makeQueue(attributes: Record<string, string> = {}, suffix = '') {
  const name = `${freshContainer()}${suffix}`;
  const { QueueUrl: url } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return { url: url!, arn: `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:${name}` };
}

/** Messages of a queue, as they come, until there are so many. */
async function received(url: string, count: number): Promise<readonly Message[]> {
  const messages: Message[] = [];
  await bench.until(`${count} messages have come`, async () => {
    const answer = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
    messages.push(...(answer.Messages ?? []));
    return messages.length >= count;
  });
  return messages;
}

const subscribe = (onFailure: string, options: Partial<SubscriptionOptions> = {}) =>
  bench.subscriptions.create({
    name: 'billing',
    topic: 'orders',
    target: 'bill',
    options: { onFailure, retryAttempts: 0, ordering: 'none', circuitBreakerFailures: 0, ...options },
  });

async function send(...values: readonly string[]) {
  const producer = bench.millrace.producer();
  await Promise.all(values.map((value) => producer.send({ topic: 'orders', key: 'ada', value, headers: { h: '1' } })));
  await producer.close();
}

const committed = async () => Number((await bench.subscriptions.describe('billing')).partitions[0]!.committed);
const caughtUp = (count: number) => bench.until('all is committed', async () => (await committed()) === count);
const valueIn = (payload: string) => Buffer.from(JSON.parse(payload).records['orders-0'][0].value, 'base64').toString();

describe('a queue', () => {
  it("is told of each record by Lambda's form, with the record", async () => {
    const { url, arn } = await makeQueue();
    await subscribe(arn);
    const values = Array.from({ length: 23 }, (_, index) => `order ${index}`);
    await send(...values);
    bench.start();
    await caughtUp(23);
    const bodies = (await received(url, 23)).map(({ Body }) => JSON.parse(Body!));
    expect(bodies.map(({ payload }) => valueIn(payload)).sort()).toEqual([...values].sort());
    const first = bodies.find(({ requestContext }) => requestContext.requestId === 'orders-0-0');
    expect(first).toMatchObject({
      requestContext: { functionArn: 'bill', condition: 'RetryAttemptsExhausted', approximateInvokeCount: 1 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'RangeError: no such account' },
      version: '1.0',
      KafkaBatchInfo: {
        batchSize: 1,
        recordsInfo: { 'orders-0': { firstRecordOffset: '0', lastRecordOffset: '0' } },
      },
    });
    expect(JSON.parse(first.payload).records['orders-0'][0]).toMatchObject({
      topic: 'orders',
      offset: 0,
      key: Buffer.from('ada').toString('base64'),
      headers: [{ h: [49] }],
    });
  });

  it('is told where a record is that it cannot take, and the others go on', async () => {
    const { url, arn } = await makeQueue();
    await subscribe(arn);
    await send('small', 'x'.repeat(1_500_000), 'small, too');
    bench.start();
    await caughtUp(3);
    const bodies = (await received(url, 3)).map(({ Body }) => JSON.parse(Body!));
    const large = bodies.find(({ requestContext }) => requestContext.requestId === 'orders-0-1');
    expect(large).toMatchObject({ payloadTopic: 'billing.dlq', KafkaBatchInfo: { batchSize: 1 } });
    expect(large).not.toHaveProperty('payload');
    const letters = await bench.deadLetters.list('billing');
    expect(letters.map(({ record }) => record.valueBytes?.length)).toEqual([1_500_000]);
  });

  it('may take less than SQS does', async () => {
    const { url, arn } = await makeQueue({ MaximumMessageSize: '2048' });
    await subscribe(arn);
    await send('small', 'x'.repeat(10_000));
    bench.start();
    await caughtUp(2);
    const bodies = (await received(url, 2)).map(({ Body }) => JSON.parse(Body!));
    expect(bodies.map(({ payloadTopic }) => payloadTopic).sort()).toEqual(['billing.dlq', undefined]);
    expect(await bench.deadLetters.list('billing')).toHaveLength(1);
  });

  it('of the kind FIFO has the records of a partition in order, each once', async () => {
    const { url, arn } = await makeQueue({ FifoQueue: 'true' }, '.fifo');
    await subscribe(arn, { ordering: 'partition', bisectBatchOnError: false });
    await send('a', 'b', 'c');
    bench.start();
    await caughtUp(3);
    const found = await received(url, 3);
    expect(found.map(({ Body }) => valueIn(JSON.parse(Body!).payload))).toEqual(['a', 'b', 'c']);
  });

  it('that is gone has the record wait, and say why', async () => {
    const { url, arn } = await makeQueue();
    await subscribe(arn);
    await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
    await send('waits');
    bench.start();
    await bench.until('it is told', () => bench.news.some(({ kind }) => kind === 'destination-failed'));
    const told = bench.news.find((news) => news.kind === 'destination-failed');
    expect(told).toMatchObject({ records: 1, error: expect.stringContaining('QueueDoesNotExist') });
    expect(await committed()).toBe(0);
    expect((await bench.subscriptions.describe('billing')).partitions[0]).toMatchObject({
      error: expect.stringContaining('QueueDoesNotExist'),
    });
  });
});

describe('a topic of SNS', () => {
  it('is told of each record', async () => {
    const { url, arn: queue } = await makeQueue();
    const { TopicArn: arn } = await sns.send(new CreateTopicCommand({ Name: freshContainer() }));
    await sns.send(
      new SubscribeCommand({
        TopicArn: arn,
        Protocol: 'sqs',
        Endpoint: queue,
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    await subscribe(arn!);
    await send('a', 'b');
    bench.start();
    await caughtUp(2);
    const bodies = (await received(url, 2)).map(({ Body }) => JSON.parse(Body!));
    expect(bodies.map(({ payload }) => valueIn(payload)).sort()).toEqual(['a', 'b']);
  });

  it('is told where a record is that it cannot take', async () => {
    const { TopicArn: arn } = await sns.send(new CreateTopicCommand({ Name: freshContainer() }));
    await subscribe(arn!);
    await send('x'.repeat(300_000));
    bench.start();
    await caughtUp(1);
    expect(await bench.deadLetters.list('billing')).toHaveLength(1);
  });
});

describe('a bucket', () => {
  it("has an object for each record, under Lambda's keys, however large", async () => {
    const bucket = freshContainer();
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await subscribe(`arn:aws:s3:::${bucket}`);
    await send('small', 'x'.repeat(1_500_000));
    bench.start();
    await caughtUp(2);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    const keys = Contents.map(({ Key }) => Key!);
    expect(keys).toHaveLength(2);
    for (const key of keys)
      expect(key).toMatch(
        /^aws\/lambda\/billing\/orders-0\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/,
      );
    const lengths: number[] = [];
    for (const Key of keys) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      lengths.push(valueIn(JSON.parse(await Body!.transformToString()).payload).length);
    }
    expect(lengths.sort()).toEqual([1_500_000, 5].sort());
  });
});

describe('a destination that cannot be reached', () => {
  it.each([
    ['arn:aws:sqs:us-east-1:000000000000:no-such-queue', 'Create arn:aws:sqs:us-east-1:000000000000:no-such-queue'],
    ['arn:aws:sns:us-east-1:000000000000:no-such-topic', 'Create arn:aws:sns:us-east-1:000000000000:no-such-topic'],
    ['arn:aws:s3:::no-such-bucket', 'Create the bucket (aws s3 mb s3://no-such-bucket)'],
  ])('is refused when a subscription is made: %s', async (arn, hint) => {
    const made = subscribe(arn);
    await expect(made).rejects.toMatchObject({ code: 'STORE_MISSING', hint: expect.stringContaining(hint) });
    await expect(made).rejects.toMatchObject({ hint: expect.stringContaining('AWS_ENDPOINT_URL') });
    expect(await bench.subscriptions.list()).toEqual([]);
    expect(await bench.millrace.topics.listTopics()).toEqual(['orders']);
  });

  it('is refused when a subscription is changed', async () => {
    await subscribe('topic:dead');
    const changed = bench.subscriptions.update('billing', { onFailure: 'arn:aws:s3:::no-such-bucket' });
    await expect(changed).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect((await bench.subscriptions.get('billing')).options.onFailure).toBe('topic:dead');
  });
});
