/** What SQS and SNS may answer, through the real clients: nothing is taken for sent that is not. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { planNoticeBatches } from '../../lib/aws/notice-batches.ts';
import { noticeKey } from '../../lib/aws/s3-notices.ts';
import { systemRandom as random, systemClock } from '../../lib/clock.ts';
import { noticeSender } from '../../lib/connect/notice-sender.ts';
import type { MillraceError } from '../../lib/errors.ts';
import type { FailureNotice, NoticeSender } from '../../lib/event-source/notice-sender.ts';
import { inTurn, type ScriptedAnswer, type ScriptedServer, s3Error, scriptedServer } from './scripted-server.ts';

const QUEUE = { kind: 'sqs', arn: 'arn:aws:sqs:eu-central-1:123456789012:failed' } as const;
const TOPIC = { kind: 'sns', arn: 'arn:aws:sns:eu-central-1:123456789012:failed' } as const;
const clock = { ...systemClock, sleep: () => Promise.resolve() };

const undo: (() => Promise<void>)[] = [];

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testtest1');
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of undo.splice(0).reverse()) await one();
});

async function served(
  ...answers: readonly ScriptedAnswer[]
): Promise<{ server: ScriptedServer; sender: NoticeSender }> {
  const server = await scriptedServer(inTurn(...answers));
  const sender = noticeSender({ clock, random, place: { endpoint: server.endpoint, region: 'eu-central-1' } });
  undo.push(() => server.stop());
  undo.push(() => sender.close());
  return { server, sender };
}

const notice = (offset: number, body = `{"n":${offset}}`): FailureNotice => ({
  body,
  group: 'billing',
  topic: 'orders',
  partition: 0,
  offset: BigInt(offset),
  atMs: Date.UTC(2026, 10, 26, 9, 8, 7),
});
const json = (body: object, status = 200): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: JSON.stringify(body),
});
const url = json({ QueueUrl: 'https://sqs.eu-central-1.amazonaws.com/123456789012/failed' });
const sqsError = (code: string, status = 400) => json({ __type: `com.amazonaws.sqs#${code}`, message: 'said' }, status);
const md5 = (body: string) => createHash('md5').update(body).digest('hex');
const taken = (...ids: number[]) =>
  ids.map((id) => ({ Id: `${id}`, MessageId: 'm', MD5OfMessageBody: md5(notice(id).body) }));
const refused = (id: number, Code: string, Message = '') => ({ Id: `${id}`, Code, Message, SenderFault: false });
const entriesOf = (server: ScriptedServer, request: number) =>
  (JSON.parse(server.requests[request]!.body.toString()).Entries as { Id: string }[]).map(({ Id }) => Number(Id));
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable('it did not fail'),
    (error: MillraceError) => error,
  );

describe('a batch of notices to a queue', () => {
  it('has the entries sent again that were refused for now, and only those', async () => {
    const { server, sender } = await served(
      url,
      json({ Successful: taken(0, 2), Failed: [refused(1, 'InternalError')] }),
      json({ Successful: taken(1) }),
    );
    expect(await sender.send(QUEUE, [notice(0), notice(1), notice(2)])).toEqual(['sent', 'sent', 'sent']);
    expect(entriesOf(server, 1)).toEqual([0, 1, 2]);
    expect(entriesOf(server, 2)).toEqual([1]);
  });

  it('fails when an entry is refused for good', async () => {
    const { sender } = await served(url, json({ Successful: taken(0), Failed: [refused(1, 'KmsAccessDenied', 'no')] }));
    const error = await failureOf(sender.send(QUEUE, [notice(0), notice(1)]));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', hint: expect.stringContaining('KMS key') });
  });

  it.each(['RequestThrottled', 'ThrottlingException'])('is sent again after %s', async (code) => {
    const { server, sender } = await served(url, sqsError(code), json({ Successful: taken(0) }));
    expect(await sender.send(QUEUE, [notice(0)])).toEqual(['sent']);
    expect(server.requests).toHaveLength(3);
  });

  it('fails when it is throttled for long, and may be sent later', async () => {
    const { server, sender } = await served(url, sqsError('RequestThrottled'));
    const error = await failureOf(sender.send(QUEUE, [notice(0)]));
    expect(error).toMatchObject({ code: 'THROTTLED', retriable: true });
    expect(server.requests).toHaveLength(6);
  });

  it.each(['reset', { status: 500 }] as const)('is sent again when no answer tells: %j', async (answer) => {
    const { sender } = await served(url, answer, json({ Successful: taken(0) }));
    expect(await sender.send(QUEUE, [notice(0)])).toEqual(['sent']);
  });

  it('that is refused as a whole as too long goes entry by entry', async () => {
    const { server, sender } = await served(
      url,
      sqsError('BatchRequestTooLong'),
      json({ Successful: taken(0) }),
      sqsError('BatchRequestTooLong'),
    );
    expect(await sender.send(QUEUE, [notice(0), notice(1)])).toEqual(['sent', 'too-large']);
    expect([1, 2, 3].map((request) => entriesOf(server, request))).toEqual([[0, 1], [0], [1]]);
  });

  it('fails with the way out when it is not allowed', async () => {
    const { sender } = await served(sqsError('AccessDeniedException', 403));
    const error = await failureOf(sender.send(QUEUE, [notice(0)]));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', hint: expect.stringContaining('sqs:GetQueueUrl') });
  });

  it('asks for the queue anew after a failure', async () => {
    const { server, sender } = await served(url, sqsError('QueueDoesNotExist'), url, json({ Successful: taken(0) }));
    expect(await failureOf(sender.send(QUEUE, [notice(0)]))).toMatchObject({ code: 'STORE_MISSING' });
    expect(await sender.send(QUEUE, [notice(0)])).toEqual(['sent']);
    expect(server.requests).toHaveLength(4);
  });
});

describe('a batch of notices to a topic of SNS', () => {
  const xml = (body: string, status = 200): ScriptedAnswer => ({
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>${body}</PublishBatchResult></PublishBatchResponse>`,
  });
  const snsError = (code: string, status: number, message = 'said'): ScriptedAnswer => ({
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
  });
  const good = '<Successful><member><Id>0</Id><MessageId>m</MessageId></member></Successful><Failed/>';
  const bad =
    '<Successful/><Failed><member><Id>0</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member></Failed>';

  it('has the entries sent again that were refused for now', async () => {
    const { server, sender } = await served(xml(bad), xml(good));
    expect(await sender.send(TOPIC, [notice(0)])).toEqual(['sent']);
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    [snsError('NotFound', 404), 'STORE_MISSING'],
    [snsError('AuthorizationError', 403), 'ACCESS_DENIED'],
    [snsError('InvalidClientTokenId', 403), 'ACCESS_DENIED'],
  ])('fails by name', async (answer, code) => {
    const { sender } = await served(answer);
    expect(await failureOf(sender.send(TOPIC, [notice(0)]))).toMatchObject({ code });
  });

  it('knows a message that is too long for its topic', async () => {
    const { sender } = await served(snsError('InvalidParameter', 400, 'Invalid parameter: Message too long'));
    expect(await sender.send(TOPIC, [notice(0)])).toEqual(['too-large']);
  });
});

describe('a notice to a bucket', () => {
  it('is put again after 503, and fails without the bucket', async () => {
    const { server, sender } = await served(s3Error(503, 'SlowDown'), { status: 200 }, s3Error(404, 'NoSuchBucket'));
    const bucket = { kind: 's3', bucket: 'failed' } as const;
    expect(await sender.send(bucket, [notice(0)])).toEqual(['sent']);
    expect(await failureOf(sender.send(bucket, [notice(0)]))).toMatchObject({ code: 'STORE_MISSING' });
    expect(server.requests).toHaveLength(3);
  });

  it("has Lambda's key", () => {
    expect(noticeKey(notice(7), 'f3b1')).toBe('aws/lambda/billing/orders-0/2026/11/26/2026-11-26T09.08.07-f3b1');
  });
});

describe('notices that leave together', () => {
  it('are ten, and no more than fit, in their order', () => {
    const many = Array.from({ length: 12 }, (_, index) => notice(index, 'x'.repeat(10)));
    expect(planNoticeBatches(many, { maxBytes: 1_000 }).batches.map(({ length }) => length)).toEqual([10, 2]);
    expect(planNoticeBatches(many, { maxBytes: 35 }).batches.map(({ length }) => length)).toEqual([3, 3, 3, 3]);
    const mixed = [notice(0, 'é'.repeat(5)), notice(1, 'x'.repeat(11)), notice(2, 'x')];
    const plan = planNoticeBatches(mixed, { maxBytes: 10 });
    expect(plan.tooLarge).toEqual([1]);
    expect(plan.batches.map((batch) => batch.map(({ index }) => index))).toEqual([[0], [2]]);
  });
});

describe('a sender without credentials', () => {
  it('says how to get some', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nowhere');
    const { sender } = await served(url);
    const error = await failureOf(sender.check(QUEUE));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(error.message).toContain('cannot be reached from here');
    expect(error.hint).toMatch(/AWS_PROFILE.*AWS_ENDPOINT_URL/s);
  });
});
