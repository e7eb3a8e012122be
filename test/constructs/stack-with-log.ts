import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { Millrace, type MillraceProps } from 'millrace/constructs';

const NAMES = ['router', 'pump', 'releaser', 'maintenance', 'provider', 'http'];

/** A folder with functions that do nothing: what is asked here is how they are deployed. */
export function emptyFunctions(names: readonly string[] = NAMES): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-functions-'));
  for (const name of names) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'index.mjs'), `export const handler = async () => '${name}';\n`);
  }
  return folder;
}

const functionsDirectory = emptyFunctions();

/** Where stacks are. */
export const ENV = { account: '123456789012', region: 'eu-central-1' };

/** A stack in an app of its own. */
export function newStack(id = 'Stack', app = new App({ analyticsReporting: false })): Stack {
  return new Stack(app, id, { env: ENV });
}

/** A log of another app. */
export const LOG_ATTRIBUTES = {
  bucketName: 'objects',
  logTableName: 'log',
  groupsTableName: 'groups',
  providerArn: 'arn:aws:lambda:eu-central-1:123456789012:function:provider',
  pumpRoleArn: 'arn:aws:iam::123456789012:role/pump',
  routerRoleArn: 'arn:aws:iam::123456789012:role/router',
  providerRoleArn: 'arn:aws:iam::123456789012:role/provider',
};

/** A log in it. */
export function newLog(stack: Construct, props: MillraceProps = {}): Millrace {
  return new Millrace(stack, 'Millrace', { functionsDirectory, ...props });
}

/** A function of a user. */
export function newFunction(scope: Construct, id = 'Bill', props: Partial<lambda.FunctionProps> = {}): lambda.Function {
  return new lambda.Function(scope, id, {
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline('exports.handler = async () => {}'),
    ...props,
  });
}

/** A statement as it stands in a template. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The statements of all policies whose logical ids match, with what is known at deployment only as `${…}`. */
export function statementsIn(stack: Stack, id: RegExp): Statement[] {
  const template = Template.fromStack(stack);
  const types = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'];
  const policies = types.flatMap((type) => Object.entries(template.findResources(type)));
  return policies
    .filter(([name]) => id.test(name))
    .flatMap(([, { Properties }]) => flatten(Properties.PolicyDocument.Statement) as Statement[]);
}

/** Joins and references of a template as texts. */
export function flatten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(flatten);
  if (typeof value !== 'object' || value === null) return value;
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join_ } = value as Record<string, unknown>;
  if (typeof ref === 'string') return `\${${ref}}`;
  if (Array.isArray(attribute)) return `\${${attribute.join('.')}}`;
  if (Array.isArray(join_)) return (flatten(join_[1]) as string[]).join(String(join_[0]));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, flatten(one)]));
}
