import { describe, expect, it } from 'vitest';
import { answerResource, type ResourceEvent, type ResourceKinds } from '../../lib/deployed/provider/custom-resource.ts';
import { Keepers } from '../../lib/deployed/provider/keeper.ts';
import { subscriptionResource } from '../../lib/deployed/provider/subscription-resource.ts';
import { topicResource } from '../../lib/deployed/provider/topic-resource.ts';
import { MillraceError } from '../../lib/errors.ts';
import { deployedLog } from './deployed-log.ts';

type Answer = Readonly<Record<string, string>> & { readonly Data?: Readonly<Record<string, string>> };

/** A stack as CloudFormation keeps it: it sends requests and reads the answers. */
function stack() {
  const log = deployedLog();
  log.state.streamIsOff = true;
  const { topics } = log.millrace;
  const kinds: ResourceKinds = {
    'Custom::MillraceTopic': async () => topicResource({ topics, keepers: new Keepers(log, 'topic') }),
    'Custom::MillraceSubscription': async () =>
      subscriptionResource({
        subscriptions: log.subscriptions,
        topics,
        keepers: new Keepers(log, 'subscription'),
      }),
  };
  const ask = async (
    RequestType: ResourceEvent['RequestType'],
    ResourceType: string,
    ResourceProperties: ResourceEvent['ResourceProperties'],
    PhysicalResourceId?: string,
    LogicalResourceId = 'Orders',
  ): Promise<Answer> => {
    const answers: string[] = [];
    const event = {
      RequestType,
      ResourceType: `Custom::Millrace${ResourceType}`,
      ResourceProperties,
      ResponseURL: 'https://answers',
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId,
      ...(PhysicalResourceId !== undefined && { PhysicalResourceId }),
    };
    await answerResource(event, kinds, async (url, body) => void answers.push(`${url} ${body}`));
    expect(answers).toHaveLength(1);
    expect(answers[0]!.length).toBeLessThan(4_096);
    expect(answers[0]).toMatch(/^https:\/\/answers /);
    const answer = JSON.parse(answers[0]!.slice('https://answers '.length)) as Answer;
    expect(answer).toMatchObject({ StackId: 'stack', RequestId: 'request', LogicalResourceId });
    expect(answer.PhysicalResourceId).toMatch(/./);
    return answer;
  };
  return { ...log, topics, ask };
}
const ORDERS = { ServiceToken: 'arn', Name: 'orders', PartitionCount: '2', Config: '{"retention.ms":"3600000"}' };
const BILLING = {
  ServiceToken: 'arn',
  Name: 'billing',
  Topic: 'orders',
  TopicId: 'of no use',
  Target: 'arn:aws:lambda:eu-central-1:123456789012:function:bill',
  Options: '{"batchSize":5,"retryDelaysMs":[1000,2000]}',
};

describe('a topic of a stack', () => {
  it('is made, and made once however often the request comes', async () => {
    const { ask, topics } = stack();
    const made = await ask('Create', 'Topic', ORDERS);
    const topic = await topics.getTopic('orders');
    expect(made).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: `topic:orders:${topic.topicId}`,
      Data: { TopicName: 'orders', TopicId: topic.topicId, Domain: 'shared', PartitionCount: 2 },
    });
    expect(topic).toMatchObject({ partitionCount: 2, config: { 'retention.ms': '3600000' } });
    const again = await ask('Create', 'Topic', ORDERS);
    expect(again.Data).toEqual(made.Data);
  });

  it('is changed in place: settings are set and taken back, partitions added', async () => {
    const { ask, topics } = stack();
    const { PhysicalResourceId } = await ask('Create', 'Topic', ORDERS);
    const changed = { ...ORDERS, PartitionCount: '5', Config: '{"compression.type":"zstd"}' };
    const updated = await ask('Update', 'Topic', changed, PhysicalResourceId);
    expect(updated).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId });
    const topic = await topics.getTopic('orders');
    expect(topic).toMatchObject({ readyPartitionCount: 5, config: { 'compression.type': 'zstd' } });
    // The rollback of that update cannot take partitions back, and does not fail for it.
    expect(await ask('Update', 'Topic', ORDERS, PhysicalResourceId)).toMatchObject({
      Status: 'SUCCESS',
      Data: { PartitionCount: 5 },
    });
    expect((await topics.getTopic('orders')).config).toEqual({ 'retention.ms': '3600000' });
    const moved = await ask('Update', 'Topic', { ...changed, Isolation: 'own' }, PhysicalResourceId);
    expect(moved.Reason).toMatch(/the isolation of topic orders is shared and never changes/);
  });

  it('keeps its records when the stack goes, unless it is told otherwise', async () => {
    const { ask, topics } = stack();
    const { PhysicalResourceId } = await ask('Create', 'Topic', ORDERS);
    expect(await ask('Delete', 'Topic', ORDERS, PhysicalResourceId)).toMatchObject({ Status: 'SUCCESS' });
    expect(await topics.listTopics()).toEqual(['orders']);
    expect(await ask('Create', 'Topic', ORDERS)).toMatchObject({ PhysicalResourceId });
    await ask('Delete', 'Topic', { ...ORDERS, OnDelete: 'delete' }, PhysicalResourceId);
    expect(await topics.listTopics()).toEqual([]);
    expect(await ask('Delete', 'Topic', { ...ORDERS, OnDelete: 'delete' }, PhysicalResourceId)).toMatchObject({
      Status: 'SUCCESS',
    });
  });

  it('that was there before is taken over, and never deleted by the stack', async () => {
    const { ask, topics } = stack();
    await topics.createTopic({ name: 'orders', partitionCount: 1 });
    const { PhysicalResourceId } = await ask('Create', 'Topic', ORDERS);
    expect(PhysicalResourceId).toMatch(/:adopted$/);
    expect(await topics.getTopic('orders')).toMatchObject({
      readyPartitionCount: 2,
      config: { 'retention.ms': '3600000' },
    });
    await ask('Update', 'Topic', { ...ORDERS, Config: '{}' }, PhysicalResourceId);
    await ask('Delete', 'Topic', { ...ORDERS, OnDelete: 'delete' }, PhysicalResourceId);
    expect(await topics.listTopics()).toEqual(['orders']);
  });

  it('that others have made again under its name is not deleted for it', async () => {
    const { ask, topics } = stack();
    const { PhysicalResourceId } = await ask('Create', 'Topic', ORDERS);
    await topics.deleteTopic('orders');
    await topics.createTopic({ name: 'orders' });
    await ask('Delete', 'Topic', { ...ORDERS, OnDelete: 'delete' }, PhysicalResourceId);
    expect(await topics.listTopics()).toEqual(['orders']);
  });

  it('stays when its resource is renamed, and when that is rolled back', async () => {
    const { ask, topics } = stack();
    const properties = { ...ORDERS, OnDelete: 'delete' };
    const { PhysicalResourceId: id } = await ask('Create', 'Topic', properties, undefined, 'Old');
    // A deployment that renames it, and fails: what was made is deleted again.
    expect(await ask('Create', 'Topic', properties, undefined, 'New')).toMatchObject({ PhysicalResourceId: id });
    await ask('Delete', 'Topic', properties, id, 'New');
    expect(await topics.listTopics()).toEqual(['orders']);
    // One that succeeds: the old one is deleted behind it.
    await ask('Create', 'Topic', properties, undefined, 'New');
    await ask('Delete', 'Topic', properties, id, 'Old');
    expect(await topics.listTopics()).toEqual(['orders']);
    await ask('Delete', 'Topic', properties, id, 'New');
    expect(await topics.listTopics()).toEqual([]);
  });

  it('that no stack has made keeps what the stack does not name, and has back what it does', async () => {
    const { ask, topics } = stack();
    const config = { 'retention.ms': '-1', 'retention.bytes': '1000000' };
    await topics.createTopic({ name: 'orders', partitionCount: 4, config });
    const { PhysicalResourceId, Data } = await ask('Create', 'Topic', ORDERS);
    expect(Data).toMatchObject({ PartitionCount: 4 });
    expect((await topics.getTopic('orders')).config).toEqual({ ...config, 'retention.ms': '3600000' });
    await ask('Delete', 'Topic', { ...ORDERS, OnDelete: 'delete' }, PhysicalResourceId);
    expect((await topics.getTopic('orders')).config).toEqual(config);
  });

  it('whose creation failed belongs to whom it belonged before', async () => {
    const { ask, topics } = stack();
    const properties = { ...ORDERS, OnDelete: 'delete' };
    const { PhysicalResourceId } = await ask('Create', 'Topic', properties, undefined, 'Old');
    const refused = await ask('Create', 'Topic', { ...properties, Isolation: 'own' }, undefined, 'New');
    expect(refused.Status).toBe('FAILED');
    await ask('Delete', 'Topic', properties, PhysicalResourceId, 'Old');
    expect(await topics.listTopics()).toEqual([]);
  });

  it('of another name is another topic', async () => {
    const { ask, topics } = stack();
    const { PhysicalResourceId } = await ask('Create', 'Topic', ORDERS);
    const renamed = await ask('Update', 'Topic', { ...ORDERS, Name: 'sales' }, PhysicalResourceId);
    expect(renamed.PhysicalResourceId).toMatch(/^topic:sales:/);
    expect(await topics.listTopics()).toEqual(['orders', 'sales']);
  });

  it('that cannot be is refused in words, and its rollback takes nothing along', async () => {
    const { ask, topics } = stack();
    await topics.createTopic({ name: 'orders', partitionCount: 9, domain: 'team' });
    const refused = await ask('Create', 'Topic', ORDERS);
    expect(refused).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('isolation of topic orders is team'),
    });
    const rollback = { ...ORDERS, OnDelete: 'delete' };
    expect(await ask('Delete', 'Topic', rollback, refused.PhysicalResourceId)).toMatchObject({ Status: 'SUCCESS' });
    expect(await topics.listTopics()).toEqual(['orders']);
    for (const [properties, words] of [
      [{ ...ORDERS, Name: undefined }, 'Name is missing'],
      [{ ...ORDERS, PartitionCount: 'many' }, 'PartitionCount cannot be "many"'],
      [{ ...ORDERS, Config: '[]' }, 'Config cannot be'],
      [{ ...ORDERS, Name: 'x', Config: '{"retention.mss":"1"}' }, 'retention.ms'],
    ] as const) {
      const { Status, Reason } = await ask('Create', 'Topic', properties);
      expect({ Status, Reason }).toEqual({ Status: 'FAILED', Reason: expect.stringContaining(words) });
    }
  });

  it('waits for nobody when the type is unknown, or the store fails', async () => {
    const { ask } = stack();
    expect((await ask('Create', 'Tpic', ORDERS)).Reason).toMatch(/there is no resource Custom::MillraceTpic/);
    const answers: string[] = [];
    const failing = async () => {
      throw new MillraceError('ACCESS_DENIED', 'no', { hint: 'Allow it.' });
    };
    const kinds = { X: async () => ({ create: failing, update: failing, delete: failing }) };
    const event = {
      RequestType: 'Create',
      ResourceType: 'X',
      ResourceProperties: {},
      LogicalResourceId: 'L',
    } as unknown;
    await answerResource(event as ResourceEvent, kinds, async (_, body) => void answers.push(body));
    expect(JSON.parse(answers[0]!)).toMatchObject({ Status: 'FAILED', Reason: 'ACCESS_DENIED: no. Allow it.' });
  });
});

describe('a subscription of a stack', () => {
  it('is made with the topics that belong to it, whose ids the stack learns', async () => {
    const { ask, subscriptions, topics } = stack();
    const topic = (await ask('Create', 'Topic', ORDERS)).Data!;
    const made = await ask('Create', 'Subscription', { ...BILLING, StartingPosition: 'LATEST' });
    const idOf = async (name: string) => (await topics.getTopic(name)).topicId;
    expect(made).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: `subscription:billing:${topic.TopicId}`,
      Data: {
        SubscriptionName: 'billing',
        DeadLetterTopicId: await idOf('billing.dlq'),
        RedriveTopicId: 'none',
        ReplayFailuresTopicId: 'none',
        RetryTopicId1: await idOf('billing.retry-1'),
        RetryTopicId2: await idOf('billing.retry-2'),
      },
    });
    expect(await subscriptions.get('billing')).toMatchObject({ target: BILLING.Target, options: { batchSize: 5 } });
    const pulling = await ask('Create', 'Subscription', { ...BILLING, Name: 'p', Options: '{"mode":"pull"}' });
    expect(pulling.Data!.RedriveTopicId).toBe(await idOf('p.redrive'));
    expect(pulling.Data!.ReplayFailuresTopicId).toBe(await idOf('p.replay-failures'));
    const to = 'arn:aws:s3:::bucket';
    const none = await ask('Create', 'Subscription', { ...BILLING, Name: 'n', Options: '{"onFailure":null}' });
    expect([none.Data!.DeadLetterTopicId, to]).toEqual(['none', to]);
  });

  it('has its options changed in place, and those that are left out have their defaults again', async () => {
    const { ask, subscriptions } = stack();
    await ask('Create', 'Topic', ORDERS);
    const { PhysicalResourceId } = await ask('Create', 'Subscription', BILLING);
    const changed = { ...BILLING, Target: 'other', Options: '{"maxBatchingWindowMs":10}' };
    expect(await ask('Update', 'Subscription', changed, PhysicalResourceId)).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId,
    });
    const { target, options } = await subscriptions.get('billing');
    expect({ target, ...options }).toMatchObject({
      target: 'other',
      batchSize: 100,
      maxBatchingWindowMs: 10,
      retryDelaysMs: [],
    });
  });

  it('is paused when the stack goes, and goes on where it was when the stack comes again', async () => {
    const { ask, subscriptions, millrace } = stack();
    await ask('Create', 'Topic', ORDERS);
    const producer = millrace.producer();
    for (const value of ['a', 'b', 'c']) await producer.send({ topic: 'orders', partition: 1, value });
    const { PhysicalResourceId } = await ask('Create', 'Subscription', BILLING);
    await subscriptions.seek('billing', { to: { offset: 2n }, partitions: [1] });
    const committed = async () => (await subscriptions.describe('billing')).partitions[1]!.committed;
    await ask('Delete', 'Subscription', BILLING, PhysicalResourceId);
    expect((await subscriptions.get('billing')).options.enabled).toBe(false);
    const again = await ask('Create', 'Subscription', BILLING);
    expect(again).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId });
    expect((await subscriptions.get('billing')).options.enabled).toBe(true);
    expect(await committed()).toBe(2n);
  });

  it('that no stack has made has its target and its options back when the stack goes', async () => {
    const { ask, subscriptions } = stack();
    await ask('Create', 'Topic', ORDERS);
    const before = await subscriptions.create({
      name: 'billing',
      topic: 'orders',
      target: 'old',
      options: { batchSize: 7 },
    });
    const { PhysicalResourceId } = await ask('Create', 'Subscription', BILLING);
    expect(PhysicalResourceId).toMatch(/:adopted$/);
    expect(await subscriptions.get('billing')).toMatchObject({ target: BILLING.Target, options: { batchSize: 5 } });
    await ask('Delete', 'Subscription', { ...BILLING, OnDelete: 'delete' }, PhysicalResourceId);
    const { target, options } = await subscriptions.get('billing');
    expect({ target, options }).toEqual({ target: 'old', options: before.options });
  });

  it('goes on when its resource is renamed, and is neither paused nor deleted under the old name', async () => {
    for (const OnDelete of ['retain', 'delete']) {
      const { ask, subscriptions } = stack();
      await ask('Create', 'Topic', ORDERS);
      const properties = { ...BILLING, OnDelete };
      const { PhysicalResourceId: id } = await ask('Create', 'Subscription', properties, undefined, 'Old');
      expect(await ask('Create', 'Subscription', properties, undefined, 'New')).toMatchObject({
        PhysicalResourceId: id,
      });
      await ask('Delete', 'Subscription', properties, id, 'Old');
      expect((await subscriptions.get('billing')).options.enabled).toBe(true);
      await ask('Delete', 'Subscription', properties, id, 'New');
      const left = (await subscriptions.list()).map(({ options }) => options.enabled);
      expect(left).toEqual(OnDelete === 'retain' ? [false] : []);
    }
  });

  it('is deleted where the stack says so, and one that is gone is deleted already', async () => {
    const { ask, subscriptions } = stack();
    await ask('Create', 'Topic', ORDERS);
    const { PhysicalResourceId } = await ask('Create', 'Subscription', BILLING);
    const properties = { ...BILLING, OnDelete: 'delete' };
    await ask('Delete', 'Subscription', properties, PhysicalResourceId);
    expect(await subscriptions.list()).toEqual([]);
    expect(await ask('Delete', 'Subscription', properties, PhysicalResourceId)).toMatchObject({ Status: 'SUCCESS' });
  });

  it('that cannot be is refused in words', async () => {
    const { ask } = stack();
    const without = await ask('Create', 'Subscription', BILLING);
    expect(without.Reason).toMatch(/UNKNOWN_TOPIC_OR_PARTITION/);
    await ask('Create', 'Topic', ORDERS);
    await ask('Create', 'Topic', { ...ORDERS, Name: 'sales' });
    for (const [properties, words] of [
      [{ ...BILLING, Options: '{"batchSiz":5}' }, 'batchSize'],
      [{ ...BILLING, Options: '{"batchSize":0}' }, 'batchSize'],
      [{ ...BILLING, Options: 'x' }, 'Options cannot be'],
      [{ ...BILLING, StartingPosition: '{"offset":"-1"}' }, 'StartingPosition cannot be'],
      [{ ...BILLING, OnDelete: 'delete', Target: '' }, 'Target is missing'],
    ] as const) {
      const { Status, Reason } = await ask('Create', 'Subscription', properties);
      expect({ Status, Reason }).toEqual({ Status: 'FAILED', Reason: expect.stringContaining(words) });
    }
    await ask('Create', 'Subscription', BILLING);
    expect((await ask('Create', 'Subscription', { ...BILLING, Topic: 'sales' })).Reason).toMatch(
      /subscription billing is of topic orders/,
    );
  });
});
