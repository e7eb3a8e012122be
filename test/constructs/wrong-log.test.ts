import { Duration, Lazy, RemovalPolicy, Token } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Millrace, type MillraceAttributes, type MillraceProps } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { emptyFunctions, LOG_ATTRIBUTES, newLog, newStack } from './stack-with-log.ts';

const functionsDirectory = emptyFunctions();
const STREAM = 'arn:aws:dynamodb:eu-central-1:123456789012:table/log/stream/2026-01-01T00:00:00.000';

describe('wrong props of a log', () => {
  const refused = (props: MillraceProps) => () => newLog(newStack(), props);

  it.each<[string, MillraceProps, RegExp]>([
    ['a prefix with a slash at its end', { objectPrefix: 'logs/' }, /objectPrefix cannot be "logs\/"\. Use words/],
    ['a prefix that widens grants', { objectPrefix: 'a*' }, /objectPrefix cannot be "a\*"/],
    ['an unknown detail', { metricDetail: 'all' as 'none' }, /metricDetail cannot be "all"\. Give one of none/],
    ['a runtime of another language', { runtime: lambda.Runtime.PYTHON_3_13 }, /nodejs24\.x, nodejs22\.x/],
    ['a snapshot of what has none', { removalPolicy: RemovalPolicy.SNAPSHOT }, /removalPolicy cannot be "snapshot"/],
    ['too little memory', { pumpMemorySize: 128 }, /pumpMemorySize cannot be 128\. Give an integer from 256/],
    ['too short an interval', { sweepInterval: Duration.minutes(1) }, /sweepInterval cannot be .* from 5 to 1440/],
    ['half a minute', { maintenanceInterval: Duration.seconds(90) }, /maintenanceInterval cannot be/],
    [
      'a number that is a token',
      { pumpMemorySize: Token.asNumber(Lazy.any({ produce: () => 1 })) },
      /known at synthesis/,
    ],
    ['deleting objects of a log that stays', { autoDeleteObjects: true }, /It needs removalPolicy DESTROY/],
    [
      'protection of what is to be deleted',
      { deletionProtection: true, removalPolicy: RemovalPolicy.DESTROY },
      /deletionProtection cannot be true/,
    ],
    ['functions that were not built', { functionsDirectory: emptyFunctions([]) }, /npm run build/],
  ])('are refused with their value and the fix: %s', (_, props, message) => {
    expect(refused(props)).toThrow(message);
    expect(refused(props)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });

  it('are refused: a table without a stream', () => {
    const stack = newStack();
    const logTable = dynamodb.Table.fromTableName(stack, 'Log', 'our-log');
    expect(() => newLog(stack, { logTable })).toThrow(/it has no stream.*NEW_IMAGE/);
  });

  it.each<[string, Partial<dynamodb.TableProps>, RegExp]>([
    [
      'other keys',
      { partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING } },
      /with the keys id S HASH\) cannot/,
    ],
    ['numbers as keys', { partitionKey: { name: 'pk', type: dynamodb.AttributeType.NUMBER } }, /pk N HASH/],
    [
      'a stream without images',
      { sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING }, stream: dynamodb.StreamViewType.KEYS_ONLY },
      /its stream has KEYS_ONLY\) cannot be .*NEW_IMAGE/,
    ],
  ])('are refused: a table with %s', (_, props, message) => {
    const stack = newStack();
    const pk = { name: 'pk', type: dynamodb.AttributeType.STRING };
    const logTable = new dynamodb.Table(stack, 'Log', { partitionKey: pk, ...props }) as dynamodb.ITable;
    expect(() => newLog(stack, { logTable })).toThrow(message);
  });

  it('are refused: a bucket that keeps versions', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Bucket', { versioned: true }) as s3.IBucket;
    expect(() => newLog(stack, { bucket })).toThrow(/bucket \(it keeps versions\) cannot be "Stack\/Bucket"/);
  });

  it('are refused: a bucket that locks objects', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Bucket', { objectLockEnabled: true }) as s3.IBucket;
    expect(() => newLog(stack, { bucket })).toThrow(/bucket \(it locks objects\) cannot be "Stack\/Bucket"/);
  });

  it('are refused: an alias of a key, which no policy knows', () => {
    const stack = newStack();
    const encryptionKey = kms.Alias.fromAliasName(stack, 'Key', 'alias/log');
    expect(() => newLog(stack, { encryptionKey })).toThrow(
      /encryptionKey \(an alias\) cannot be "Stack\/Key".*fromKeyArn/,
    );
  });

  it('are refused: one table for both, and what another log of the app has', () => {
    const stack = newStack();
    const table = (id: string, name = id) =>
      dynamodb.TableV2.fromTableAttributes(stack, id, { tableName: name, tableStreamArn: STREAM });
    expect(() => newLog(stack, { logTable: table('both'), groupsTable: table('again', 'both') })).toThrow(
      /groupsTable cannot be "Stack\/again"\. It is the logTable too/,
    );
    const bucket = s3.Bucket.fromBucketName(stack, 'Ours', 'ours');
    new Millrace(stack, 'First', {
      functionsDirectory,
      bucket,
      objectPrefix: 'logs',
      logTable: table('log'),
      groupsTable: table('groups'),
    });
    const second = (id: string, props: MillraceProps) => () =>
      new Millrace(stack, id, { functionsDirectory, ...props });
    expect(second('A', { logTable: table('log-again', 'log') })).toThrow(
      /Stack\/A: logTable cannot be "Stack\/log-again"\. Stack\/First has it: each log has tables of its own/,
    );
    expect(second('B', { groupsTable: table('groups-again', 'groups') })).toThrow(
      /B: groupsTable cannot be .*First has it/,
    );
    const again = s3.Bucket.fromBucketName(stack, 'Again', 'ours');
    for (const [index, objectPrefix] of ['logs', 'logs/prod', ''].entries()) {
      expect(second(`Bucket${index}`, { bucket: again, objectPrefix })).toThrow(
        /bucket cannot be "Stack\/Again"\. Stack\/First has it: logs that share a bucket have an objectPrefix each/,
      );
    }
    expect(second('C', { bucket: again, objectPrefix: 'logs-of-others' })).not.toThrow();
    expect(second('D', {})).not.toThrow();
  });

  it('are refused: an interval that is known at deployment only', () => {
    const sweepInterval = Duration.minutes(Token.asNumber(Lazy.any({ produce: () => 60 })));
    expect(refused({ sweepInterval })).toThrow(/sweepInterval cannot be "a token"/);
  });

  it.each<[Partial<MillraceAttributes>, RegExp]>([
    [{ bucketName: '' }, /bucketName cannot be ""\. Give the output of that name/],
    [{ logTableName: undefined as never }, /logTableName cannot be undefined/],
    [{ providerArn: 'provider' }, /providerArn cannot be "provider"\. It is the ARN of a function/],
    [{ pumpRoleArn: 'arn:aws:lambda:eu-central-1:123456789012:function:pump' }, /pumpRoleArn .* ARN of a role/],
    [{ encryptionKeyArn: 'alias/log' }, /encryptionKeyArn cannot be "alias\/log"/],
    [{ objectPrefix: '*' }, /objectPrefix cannot be "\*"/],
    [{ metricDetail: 'all' as 'none' }, /metricDetail cannot be "all"/],
  ])('are refused where a log is named: %o', (wrong, message) => {
    expect(() => Millrace.fromMillraceAttributes(newStack(), 'Good', LOG_ATTRIBUTES)).not.toThrow();
    expect(() => Millrace.fromMillraceAttributes(newStack(), 'Log', { ...LOG_ATTRIBUTES, ...wrong })).toThrow(message);
  });
});
