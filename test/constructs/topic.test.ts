import { App, Duration, Fn, Lazy, RemovalPolicy, Size, Stack, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Millrace, Topic, TopicIsolation, type TopicProps } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { parseTopicConfig } from '../../lib/log/topic-config.ts';
import { isTopicName } from '../../lib/log/topic-name.ts';
import {
  ENV,
  flatten,
  LOG_ATTRIBUTES,
  newFunction,
  newLog,
  newStack,
  type Statement,
  statementsIn,
} from './stack-with-log.ts';

type Options = Omit<TopicProps, 'millrace'>;

function resourceOf(options: Options): Record<string, unknown> {
  const stack = newStack();
  new Topic(stack, 'Orders', { millrace: newLog(stack), ...options });
  const [{ Properties }] = Object.values(Template.fromStack(stack).findResources('Custom::MillraceTopic')) as [
    { Properties: Record<string, unknown> },
  ];
  return Properties;
}

/** A stack in which a function has what `grant` gives it on the topic `orders`. */
function granted(grant: (topic: Topic, grantee: ReturnType<typeof newFunction>) => void, options: Options = {}) {
  const stack = newStack();
  const millrace = newLog(stack, { objectPrefix: 'p' });
  const grantee = newFunction(stack, 'Grantee');
  grant(new Topic(stack, 'Orders', { millrace, topicName: 'orders', ...options }), grantee);
  return statementsIn(stack, /^Grantee/);
}

const keysOf = ({ Condition }: Statement) => Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];

describe('a topic', () => {
  it('is made by the provider of its log, and stays when the stack goes', () => {
    const { ServiceToken, ...properties } = resourceOf({ topicName: 'orders' });
    expect(flatten(ServiceToken)).toMatch(/MillraceFunctionsProvider\w+\.Arn/);
    expect(properties).toEqual({
      Name: 'orders',
      PartitionCount: 1,
      Config: '{}',
      Isolation: 'shared',
      OnDelete: 'retain',
    });
  });

  it('says its settings by the names that the log has for them', () => {
    const { Config, ...properties } = resourceOf({
      topicName: 'orders',
      partitions: 8,
      retentionPeriod: Duration.days(3),
      maxMessageSize: Size.mebibytes(2),
      inlineMaxSize: Size.bytes(0),
      config: { 'compression.type': 'zstd' },
      isolation: TopicIsolation.domain('shop'),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    expect(parseTopicConfig(JSON.parse(String(Config)))).toMatchObject({
      retentionMs: 259_200_000n,
      maxMessageBytes: 2_097_152,
      inlineMaxBytes: 0,
      compressionType: 'zstd',
    });
    expect(properties).toMatchObject({ PartitionCount: 8, Isolation: 'shop', OnDelete: 'delete' });
  });

  it('has a name of its own where none is given', () => {
    const { Name } = resourceOf({});
    expect(isTopicName(String(Name))).toBe(true);
  });
});

describe('grants on a topic', () => {
  it('let a producer touch heads of its topic and new objects of its domain, and read no object', () => {
    const statements = granted((topic, grantee) => topic.grants.produce(grantee));
    expect(statements.flatMap(({ Action }) => Action)).toEqual([
      'dynamodb:GetItem',
      ...['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      's3:PutObject',
    ]);
    expect(statements.map(keysOf).map(String)).toEqual([
      expect.stringMatching(/^T#\$\{Orders\.TopicName\}$/),
      expect.stringMatching(/^P#\$\{Orders\.TopicId\}#\*$/),
      'undefined',
    ]);
    const onItems = statements.filter(({ Action }) => String(Action).includes('dynamodb'));
    for (const { Condition, Resource } of onItems) {
      expect(Condition?.Null).toEqual({ 'dynamodb:LeadingKeys': 'false' });
      expect(Resource).toMatch(/LogTable/);
    }
    expect(statements.at(-1)!.Resource).toMatch(/\/p\/shared\/0\/\*$/);
  });

  it('let a member commit for its group, and for no other', () => {
    const statements = granted((topic, grantee) => topic.grants.consume(grantee, 'billing*'));
    const onGroups = statements.filter(({ Resource }) => String(Resource).includes('GroupsTable'));
    expect(onGroups.map(keysOf)).toEqual([[`G#billing$\{*}`], [`G#billing$\{*}`, 'GROUPS']]);
    expect(onGroups[1]!.Action).toBe('dynamodb:PutItem');
    const onObjects = statements.filter(({ Action }) => String(Action) === 's3:GetObject');
    const resources = onObjects.flatMap(({ Resource }) => Resource).map((one) => String(one).replace(/^.*\}/, ''));
    expect(resources).toEqual(['/p/shared/0/*', '/p/shared/1/*']);
    expect(JSON.stringify(statements)).not.toContain('s3:PutObject');
  });

  it('take no token as the name of a group, which would stand in a condition', () => {
    const group = Lazy.string({ produce: () => 'billing' });
    expect(() => granted((topic, grantee) => topic.grants.consume(grantee, group))).toThrow(/known at synthesis/);
  });

  it('keep a reader to its topic', () => {
    const statements = granted((topic, grantee) => topic.grants.read(grantee), { isolation: TopicIsolation.OWN });
    expect(JSON.stringify(statements)).not.toMatch(/GroupsTable|UpdateItem|PutItem/);
    const objects = statements.find(({ Action }) => Action === 's3:GetObject')!;
    expect(String((objects.Resource as string[])[0])).toMatch(/\/p\/\$\{Orders\.Domain\}\/0\/\*$/);
  });

  it('open delayed records of the topic apart', () => {
    const keys = granted((topic, grantee) => topic.grants.produceDelayed(grantee))
      .map(keysOf)
      .map(String);
    expect(keys).toContainEqual('DUE#*');
    expect(keys).toContainEqual(expect.stringMatching(/^D#\$\{Orders\.TopicId\}#\*$/));
  });

  it('let whoever manages it delete it, and no other', () => {
    const statements = granted((topic, grantee) => topic.grants.manage(grantee));
    const [all, floor] = statements.map(keysOf) as [string[], string[]];
    expect(all).toHaveLength(4);
    expect(floor).toEqual(['G']);
  });

  it('are the same by their older names', () => {
    const grants = (topic: Topic, grantee: ReturnType<typeof newFunction>) =>
      [topic.grantProduce(grantee), topic.grantConsume(grantee, 'g'), topic.grantManage(grantee)].map(({ success }) =>
        expect(success).toBe(true),
      );
    const other = (topic: Topic, grantee: ReturnType<typeof newFunction>) => {
      topic.grants.produce(grantee);
      topic.grants.consume(grantee, 'g');
      topic.grants.manage(grantee);
    };
    expect(granted(grants)).toEqual(granted(other));
  });

  it('hand out the key of the customer where there is one', () => {
    const stack = newStack();
    const grantee = newFunction(stack, 'Grantee');
    const millrace = Millrace.fromMillraceAttributes(stack, 'Log', {
      ...LOG_ATTRIBUTES,
      encryptionKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/k',
    });
    const topicId = '7d0c5d0e-6f4b-4f0a-9d53-3c1f0a2b4c6d';
    Topic.fromTopicAttributes(stack, 'Orders', { millrace, topicName: 'orders', topicId }).grants.produce(grantee);
    const statements = statementsIn(stack, /^Grantee/);
    expect(statements.map(keysOf)).toContainEqual([`P#${topicId}#*`]);
    expect(statements.at(-1)).toMatchObject({
      Action: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey'],
      Resource: 'arn:aws:kms:eu-central-1:123456789012:key/k',
    });
  });
});

describe('wrong props of a topic', () => {
  it.each<[Options, RegExp]>([
    [{ topicName: 'or ders' }, /Stack\/Orders: topicName cannot be "or ders"\. Use 1 to 249/],
    [{ topicName: '..' }, /topicName cannot be "\.\."/],
    [{ partitions: 0 }, /partitions cannot be 0\. Give an integer from 1 to 100000/],
    [{ partitions: 1.5 }, /partitions cannot be 1\.5/],
    [{ inlineMaxSize: Size.kibibytes(49) }, /inlineMaxSize cannot be 50176\. Give an integer from 0 to 49152/],
    [
      { inlineMaxSize: Size.kibibytes(Token.asNumber(Lazy.any({ produce: () => 1 }))) },
      /inlineMaxSize .* known at synthesis/,
    ],
    [{ maxMessageSize: Size.bytes(1.5) }, /maxMessageSize cannot be 1\.5\. Give an integer/],
    [{ maxMessageSize: Size.gibibytes(1) }, /maxMessageSize cannot be 1073741824\. Give an integer from 0 to/],
    [{ retentionPeriod: Duration.millis(0.5) }, /retentionPeriod cannot be "0\.5 ms"/],
    [{ retentionPeriod: Duration.days(1e12) }, /retentionPeriod cannot be "86400000000000000000 ms"/],
    [{ config: { 'retention.m': '5' } }, /config\['retention\.m'\] cannot be "5"\. Did you mean retention\.ms\?/],
    [
      { config: { 'segment.bytes': '5' } },
      /config\['segment\.bytes'\] cannot be "5"\. Leave it out\. There are no log files/,
    ],
    [
      { config: { 'cleanup.policy': 'compcat' } },
      /config\['cleanup\.policy'\] cannot be "compcat"\. Give one or more of delete, compact/,
    ],
    [{ config: { 'retention.ms': 5 as never } }, /config\['retention\.ms'\] cannot be 5\. Give an integer/],
    [{ config: { 'retention.m': Lazy.string({ produce: () => '5' }) } }, /config\['retention\.m'\].*Did you mean/],
    [
      { config: { 'min.compaction.lag.ms': '10', 'max.compaction.lag.ms': '9' } },
      /config cannot be .* Give min\.compaction\.lag\.ms at most 9/,
    ],
    [{ isolation: TopicIsolation.domain('Shop') }, /isolation cannot be "Shop"\. Use 1 to 64/],
    [
      { retentionPeriod: Duration.days(1), config: { 'retention.ms': '5' } },
      /config\['retention\.ms'\] cannot be "5"\. It is said by the prop retentionPeriod/,
    ],
  ])('are refused: %o', (options, message) => {
    expect(() => resourceOf(options)).toThrow(message);
  });

  it('are not values that are known at deployment only', () => {
    expect(() => resourceOf({ config: { 'retention.ms': Lazy.string({ produce: () => '5' }) } })).not.toThrow();
  });

  it('are refused: an id of a topic that is none, and would widen what is granted', () => {
    const stack = newStack();
    const millrace = newLog(stack);
    for (const [index, topicId] of ['*', 'orders', '', undefined as never].entries()) {
      expect(() =>
        Topic.fromTopicAttributes(stack, `Orders${index}`, { millrace, topicName: 'orders', topicId }),
      ).toThrow(/topicId cannot be .*Give the UUID that topic describe shows/);
    }
    const topicId = Lazy.string({ produce: () => 'known later' });
    expect(() => Topic.fromTopicAttributes(stack, 'Later', { millrace, topicName: 'orders', topicId })).not.toThrow();
  });

  it('are refused: a name that another topic of the log has', () => {
    const stack = newStack();
    const millrace = newLog(stack);
    new Topic(stack, 'Orders', { millrace, topicName: 'orders' });
    expect(
      () => new Topic(newStack('Other', stack.node.root as App), 'Same', { millrace, topicName: 'orders' }),
    ).toThrow(/Other\/Same: topicName cannot be "orders"\. Stack\/Orders has it in this log/);
    const other = newLog(newStack('OtherLog', stack.node.root as App));
    expect(() => new Topic(stack, 'Elsewhere', { millrace: other, topicName: 'orders' })).not.toThrow();
  });

  it.each<[string, (stack: Stack) => string]>([
    ['by the ARN of its provider', () => LOG_ATTRIBUTES.providerArn],
    ['by an output of another stack', () => Fn.importValue('ProviderArn')],
    ['by what another construct has', ({ node }) => (node.tryFindChild('Provider') as lambda.Function).functionArn],
  ])('are refused: a name that another import of the log has, %s', (_, providerArnIn) => {
    const stack = newStack();
    newFunction(stack, 'Provider');
    const imported = (id: string, providerArn = providerArnIn(stack)) =>
      Millrace.fromMillraceAttributes(stack, id, { ...LOG_ATTRIBUTES, providerArn });
    new Topic(stack, 'Orders', { millrace: imported('Log'), topicName: 'orders' });
    expect(() => new Topic(stack, 'Same', { millrace: imported('Again'), topicName: 'orders' })).toThrow(
      /Stack\/Same: topicName cannot be "orders"\. Stack\/Orders has it in this log/,
    );
    const other = imported('Other', 'arn:aws:lambda:eu-central-1:123456789012:function:other');
    expect(() => new Topic(stack, 'Theirs', { millrace: other, topicName: 'orders' })).not.toThrow();
  });

  it('are refused: a log in another region or account', () => {
    const app = new App({ analyticsReporting: false });
    const millrace = newLog(newStack('Stack', app));
    const elsewhere = (env: Partial<typeof ENV>) =>
      new Stack(app, JSON.stringify(env).replace(/\W/g, ''), { env: { ...ENV, ...env } });
    expect(() => new Topic(elsewhere({ region: 'us-east-1' }), 'Orders', { millrace })).toThrow(
      /millrace \(Stack\/Millrace\) cannot be "in region eu-central-1"\. It is used in us-east-1: deploy a log there/,
    );
    expect(() => new Topic(elsewhere({ account: '210987654321' }), 'Orders', { millrace })).toThrow(
      /in account 123456789012/,
    );
    expect(() => new Topic(new Stack(app, 'Anywhere'), 'Orders', { millrace })).not.toThrow();
  });

  it('are refused: a group without a name', () => {
    const stack = newStack();
    const topic = new Topic(stack, 'Orders', { millrace: newLog(stack) });
    for (const group of ['', 'a\nb', 'x'.repeat(256)]) {
      expect(() => topic.grants.consume(newFunction(stack, `F${group.length}`), group)).toThrow(/groupName cannot be/);
    }
  });
});
