import { Duration, RemovalPolicy, Tags } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { Millrace, type MillraceProps, outputsOf } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { flatten, LOG_ATTRIBUTES, newFunction, newLog, newStack, statementsIn } from './stack-with-log.ts';

function templateOf(props: MillraceProps = {}): Template {
  const stack = newStack();
  newLog(stack, props);
  return Template.fromStack(stack);
}

const FUNCTIONS = ['router', 'pump', 'releaser', 'maintenance', 'provider'];
const byDefault = templateOf();

describe('a log', () => {
  it('keeps its data in what has the same logical ids for ever', () => {
    const stateful = ['AWS::S3::Bucket', 'AWS::DynamoDB::GlobalTable'];
    const ids = stateful.flatMap((type) => Object.keys(byDefault.findResources(type)));
    expect(ids).toEqual(['MillraceObjects5E9069DD', 'MillraceLogTable93F2BB3E', 'MillraceGroupsTable16099F8C']);
  });

  it('has functions and roles that other stacks name for ever', () => {
    const resources = Object.keys(byDefault.toJSON().Resources);
    expect(resources).toEqual(
      expect.arrayContaining([
        'MillraceFunctionsProvider73EC993B',
        'MillraceFunctionsPumpRole3C7CF275',
        'MillraceFunctionsRouterRole1C704FA9',
        'MillraceFunctionsProviderRoleD6CC109F',
      ]),
    );
  });

  it('has its place looked at before any function but the provider is told of it', () => {
    const template = templateOf({ objectPrefix: 'logs/prod' });
    const [[id, { Properties }], ...more] = Object.entries(template.findResources('Custom::MillracePlace')) as [
      [string, { Properties: Record<string, unknown> }],
    ];
    expect(more).toEqual([]);
    expect(flatten(Properties.Bucket)).toMatch(/^\$\{MillraceObjects\w+\}$/);
    expect(Properties.Prefix).toBe('logs/prod');
    const waiting = Object.entries(template.findResources('AWS::Lambda::Function'))
      .filter(([, { DependsOn }]) => DependsOn.includes(id))
      .map(([name]) => name.replace(/^MillraceFunctions|[0-9A-F]{8}$/g, ''));
    expect(waiting.toSorted()).toEqual(['Maintenance', 'Pump', 'Releaser', 'Router']);
  });

  it('has a private bucket over TLS, whose objects are written once and whose unfinished uploads end', () => {
    byDefault.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        LifecycleConfiguration: {
          Rules: [Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }, Status: 'Enabled' })],
        },
        VersioningConfiguration: Match.absent(),
      },
    });
    const [policy] = Object.values(byDefault.findResources('AWS::S3::BucketPolicy'));
    const statements = policy!.Properties.PolicyDocument.Statement as Record<string, unknown>[];
    expect(statements).toContainEqual(
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    );
    expect(statements).toContainEqual(
      expect.objectContaining({
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:PutObject',
        Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      }),
    );
  });

  it('has two tables on demand that can be restored and not be deleted, one with a stream of new images', () => {
    const tables = Object.values(byDefault.findResources('AWS::DynamoDB::GlobalTable'));
    for (const { Properties: table, DeletionPolicy } of tables) {
      expect(table.BillingMode).toBe('PAY_PER_REQUEST');
      expect(table.KeySchema).toEqual([
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ]);
      expect(table.Replicas).toEqual([
        expect.objectContaining({
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        }),
      ]);
      expect(DeletionPolicy).toBe('Retain');
    }
    expect(tables.map(({ Properties }) => Properties.StreamSpecification)).toEqual([
      { StreamViewType: 'NEW_IMAGE' },
      undefined,
    ]);
  });

  it('has functions on Graviton and Node.js 24 that know where the log is', () => {
    byDefault.resourceCountIs('AWS::Lambda::Function', FUNCTIONS.length);
    for (const { Properties } of Object.values(byDefault.findResources('AWS::Lambda::Function'))) {
      expect(Properties).toMatchObject({
        Architectures: ['arm64'],
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        LoggingConfig: { LogFormat: 'Text' },
      });
      expect(flatten(Properties.Environment.Variables.MILLRACE_STORE)).toMatch(
        /^aws:\?bucket=\$\{MillraceObjects\w+\}&table=\$\{MillraceLogTable\w+\}&groups=\$\{MillraceGroupsTable\w+\}&delays=true$/,
      );
    }
    byDefault.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  });

  it('is rung by commits, bells and due minutes alone', () => {
    byDefault.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
      ParallelizationFactor: 10,
      MaximumRetryAttempts: 20,
      MaximumRecordAgeInSeconds: 3600,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: Match.anyValue() },
      FilterCriteria: {
        Filters: [
          { Pattern: '{"dynamodb":{"Keys":{"sk":{"S":["HEAD"]}},"NewImage":{"ring":{"N":["1"]}}}}' },
          { Pattern: '{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"pk":{"S":["BELLS"]}}}}' },
          { Pattern: '{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"DUE#"}]}}}}' },
        ],
      },
    });
  });

  it('is swept every hour and maintained every quarter of one', () => {
    byDefault.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 hour)',
      Targets: [Match.objectLike({ Input: '{"sweep":true}' })],
    });
    byDefault.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(15 minutes)' });
  });

  it('takes the tags of its stack, in everything that takes any', () => {
    const stack = newStack();
    newLog(stack);
    Tags.of(stack).add('team', 'shop');
    const template = Template.fromStack(stack);
    const tag = { Key: 'team', Value: 'shop' };
    for (const type of [
      'AWS::S3::Bucket',
      'AWS::SQS::Queue',
      'AWS::Lambda::Function',
      'AWS::Logs::LogGroup',
      'AWS::IAM::Role',
    ]) {
      template.allResourcesProperties(type, { Tags: Match.arrayWith([tag]) });
    }
    template.allResourcesProperties('AWS::DynamoDB::GlobalTable', {
      Replicas: [Match.objectLike({ Tags: Match.arrayWith([tag]) })],
    });
  });

  it('lets schedules invoke the releaser alone, in the name of this account alone', () => {
    byDefault.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          Match.objectLike({
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
          }),
        ],
      },
    });
  });
});

describe('props of a log', () => {
  it('takes a bucket and tables that are there', () => {
    const stack = newStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'our-objects');
    const key = { name: 'pk', type: dynamodb.AttributeType.STRING };
    const sortKey = { name: 'sk', type: dynamodb.AttributeType.STRING };
    const stream = dynamodb.StreamViewType.NEW_IMAGE;
    const logTable = new dynamodb.Table(stack, 'Log', { partitionKey: key, sortKey, stream });
    const groupsTable = dynamodb.Table.fromTableName(stack, 'Groups', 'our-groups');
    const props = { bucket, objectPrefix: 'logs/prod', logTable: logTable as dynamodb.ITable, groupsTable };
    const millrace = newLog(stack, props);
    expect(stack.resolve(outputsOf(millrace).GroupsTableName)).toBe('our-groups');
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::S3::Bucket', 0);
    template.resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
    const [{ Properties }] = Object.values(template.findResources('AWS::Lambda::Function')) as [
      { Properties: { Environment: { Variables: { MILLRACE_STORE: unknown } } } },
    ];
    expect(flatten(Properties.Environment.Variables.MILLRACE_STORE)).toMatch(
      /^aws:\?bucket=our-objects&table=\$\{Log.*\}&groups=our-groups&prefix=logs%2Fprod&delays=true$/,
    );
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('MillraceObjectsAreWrittenOnce'));
    Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('Give it one, or a bucket of its own'));
  });

  it('encrypts everything by a key of the customer, with one request to KMS for many objects', () => {
    const stack = newStack();
    newLog(stack, { encryptionKey: new kms.Key(stack, 'Key') });
    const template = Template.fromStack(stack);
    const sse = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: Match.anyValue() };
    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true, ServerSideEncryptionByDefault: sse }],
      },
    });
    template.allResourcesProperties('AWS::DynamoDB::GlobalTable', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
    });
    template.hasResourceProperties('AWS::SQS::Queue', { KmsMasterKeyId: Match.anyValue() });
  });

  it('leaves its data alone behind, so that a stack of its name can be made again', () => {
    const resources = Object.values(
      byDefault.toJSON().Resources as Record<string, { Type: string; DeletionPolicy?: string }>,
    );
    const left = resources.filter(({ DeletionPolicy }) => DeletionPolicy?.startsWith('Retain'));
    expect(left.map(({ Type }) => Type)).toEqual([
      'AWS::S3::Bucket',
      'AWS::DynamoDB::GlobalTable',
      'AWS::DynamoDB::GlobalTable',
    ]);
  });

  it('can be taken away with its stack', () => {
    const template = templateOf({ removalPolicy: RemovalPolicy.DESTROY });
    for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::GlobalTable']) {
      template.allResources(type, { DeletionPolicy: 'Delete' });
    }
    template.allResourcesProperties('AWS::DynamoDB::GlobalTable', {
      Replicas: [Match.objectLike({ DeletionProtectionEnabled: false })],
    });
  });

  it('can be taken away with its objects', () => {
    const template = templateOf({ removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true });
    template.resourceCountIs('Custom::S3AutoDeleteObjects', 1);
    byDefault.resourceCountIs('Custom::S3AutoDeleteObjects', 0);
  });

  it('sets what all functions have in common', () => {
    const template = templateOf({
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.X86_64,
      tracing: lambda.Tracing.ACTIVE,
      logRetention: logs.RetentionDays.ONE_WEEK,
    });
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs22.x',
      Architectures: ['x86_64'],
      TracingConfig: { Mode: 'Active' },
    });
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
  });

  it('sets recovery, protection, metrics, intervals and the memory of the pump', () => {
    const template = templateOf({
      pointInTimeRecovery: false,
      deletionProtection: false,
      metricDetail: 'partition',
      maintenanceInterval: Duration.hours(2),
      sweepInterval: Duration.minutes(5),
      pumpMemorySize: 1024,
    });
    template.allResourcesProperties('AWS::DynamoDB::GlobalTable', {
      Replicas: [
        Match.objectLike({
          DeletionProtectionEnabled: false,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
        }),
      ],
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 1024,
      Environment: { Variables: Match.objectLike({ MILLRACE_METRICS: 'partition' }) },
    });
    for (const ScheduleExpression of ['rate(2 hours)', 'rate(5 minutes)']) {
      template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression });
    }
  });

  it('can be named from another app', () => {
    const stack = newStack();
    const millrace = Millrace.fromMillraceAttributes(stack, 'Imported', {
      ...LOG_ATTRIBUTES,
      objectPrefix: 'p',
    });
    expect(millrace.connectionString).toBe('aws:?bucket=objects&table=log&groups=groups&prefix=p&delays=true');
  });
});

describe('grants on a log', () => {
  it('open it all to operators, and a group to whoever is a member of it', () => {
    const stack = newStack();
    const millrace = newLog(stack);
    const [operator, member] = [newFunction(stack, 'Operator'), newFunction(stack, 'Member')];
    millrace.grantManage(operator);
    millrace.grants.group(member, 'billing');
    const actions = (id: RegExp) => statementsIn(stack, id).flatMap(({ Action }) => Action);
    expect(actions(/^Operator/)).toEqual(expect.arrayContaining(['dynamodb:DeleteItem', 's3:DeleteObject']));
    expect(actions(/^Member/).filter((action) => !action.startsWith('dynamodb:'))).toEqual([]);
  });

  it('open the key of a bucket that was there', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Bucket', { encryption: s3.BucketEncryption.KMS, bucketKeyEnabled: true });
    const millrace = newLog(stack, { bucket: bucket as s3.IBucket });
    const operator = newFunction(stack, 'Operator');
    millrace.grantManage(operator);
    expect(statementsIn(stack, /^Operator/).at(-1)).toMatchObject({
      Action: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey'],
      Resource: expect.stringMatching(/^\$\{BucketKey\w+\.Arn\}$/),
    });
  });

  it('are refused to who has no policy here', () => {
    const millrace = newLog(newStack());
    expect(() => millrace.grantManage(new iam.AccountPrincipal('210987654321'))).toThrow(
      /Make a role that it may assume/,
    );
  });

  it('tell those who share a whole bucket what changes for them', () => {
    const stack = newStack();
    newLog(stack, { bucket: new s3.Bucket(stack, 'Bucket') as s3.IBucket });
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('Give it one, or a bucket of its own'));
  });

  it('deny overwriting in a bucket that two logs share, each below its prefix', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Bucket') as s3.IBucket;
    for (const objectPrefix of ['a', 'b']) newLog(new Construct(stack, objectPrefix), { bucket, objectPrefix });
    const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::S3::BucketPolicy'));
    expect(JSON.stringify(policy)).toContain('aws:SecureTransport');
    const sids = policy!.Properties.PolicyDocument.Statement.map(({ Sid }: { Sid: string }) => Sid);
    expect([sids.length, new Set(sids).size]).toEqual([4, 4]);
  });
});
