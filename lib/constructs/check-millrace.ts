/** What can be seen at synthesis to be wrong with a log, or with how another app names one. */
import { type Duration, RemovalPolicy, Token } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { badProp, checkInteger } from './bad-prop.ts';
import { checkBucket, checkTable } from './check-existing.ts';
import { checkRemoval, checkText } from './check-values.ts';
import { METRIC_DETAILS, type MetricDetail } from './metric-detail.ts';
import type { MillraceAttributes, MillraceProps } from './millrace-props.ts';

/** A prefix as `lib/segment` takes it. */
const PREFIX = /^(?!\.{1,2}(\/|$))[A-Za-z0-9!_.*'()=-]+(\/(?!\.{1,2}(\/|$))[A-Za-z0-9!_.*'()=-]+)*$/;
/** A wildcard in a prefix would widen every grant. */
const WIDENS_GRANTS = /[*]/;

/** Checks the props of a log. Throws INVALID_CONFIG. */
export function checkMillraceProps(scope: Construct, props: MillraceProps): void {
  const { deletionProtection, removalPolicy } = props;
  checkPrefix(scope, props.objectPrefix);
  checkDetail(scope, props.metricDetail);
  checkRemoval(scope, removalPolicy);
  checkKey(scope, props.encryptionKey);
  if (deletionProtection === true && removalPolicy === RemovalPolicy.DESTROY) {
    throw badProp(
      scope,
      'deletionProtection',
      true,
      'With removalPolicy DESTROY leave it out: the stack could not be deleted.',
    );
  }
  if (props.autoDeleteObjects === true && (removalPolicy !== RemovalPolicy.DESTROY || props.bucket !== undefined)) {
    throw badProp(scope, 'autoDeleteObjects', true, 'It needs removalPolicy DESTROY, and a bucket that is made here.');
  }
  checkBucket(scope, props.bucket);
  checkTable(scope, 'logTable', props.logTable);
  checkTable(scope, 'groupsTable', props.groupsTable);
  checkInteger(scope, 'pumpMemorySize', props.pumpMemorySize, { least: 256, most: 10_240 });
  checkInterval(scope, 'maintenanceInterval', props.maintenanceInterval, 1);
  checkInterval(scope, 'sweepInterval', props.sweepInterval, 5);
}

/** A key, or one by its alias, which the CDK takes for a key too. */
function checkKey(scope: Construct, key: IKey | undefined): void {
  if (key === undefined || !('aliasName' in key)) return;
  const fix = 'A policy knows a key by its ARN alone: give the key itself, such as kms.Key.fromKeyArn(…).';
  throw badProp(scope, 'encryptionKey (an alias)', key.node.path, fix);
}

function checkInterval(scope: Construct, prop: string, interval: Duration | undefined, leastMinutes: number): void {
  if (interval === undefined) return;
  if (interval.isUnresolved()) throw badProp(scope, prop, 'a token', 'Give a duration that is known at synthesis.');
  const minutes = interval.toMinutes({ integral: false });
  if (Number.isInteger(minutes) && minutes >= leastMinutes && minutes <= 1_440) return;
  throw badProp(scope, prop, interval, `Give whole minutes from ${leastMinutes} to 1440, by Duration.minutes(…).`);
}

const LAMBDA_ARN = /^arn:[^:]+:lambda:[^:]+:[^:]+:function:.+$/;
const ROLE_ARN = /^arn:[^:]+:iam::[^:]*:role\/.+$/;
const KEY_ARN = /^arn:[^:]+:kms:[^:]+:[^:]+:key\/.+$/;
const SOME_TEXT = /^\S+$/;

/** Checks by what a log is named. Throws INVALID_CONFIG. */
export function checkMillraceAttributes(scope: Construct, attributes: MillraceAttributes): void {
  const outputs = 'Give the output of that name of the stack of the log.';
  for (const name of ['bucketName', 'logTableName', 'groupsTableName'] as const) {
    checkText(scope, name, attributes[name], { form: SOME_TEXT, fix: outputs });
  }
  checkText(scope, 'providerArn', attributes.providerArn, {
    form: LAMBDA_ARN,
    fix: `It is the ARN of a function. ${outputs}`,
  });
  for (const name of ['pumpRoleArn', 'routerRoleArn', 'providerRoleArn'] as const) {
    checkText(scope, name, attributes[name], { form: ROLE_ARN, fix: `It is the ARN of a role. ${outputs}` });
  }
  if (attributes.encryptionKeyArn !== undefined) {
    checkText(scope, 'encryptionKeyArn', attributes.encryptionKeyArn, {
      form: KEY_ARN,
      fix: 'Give the ARN of a key of KMS.',
    });
  }
  checkPrefix(scope, attributes.objectPrefix);
  checkDetail(scope, attributes.metricDetail);
}

function checkPrefix(scope: Construct, objectPrefix = ''): void {
  if (objectPrefix !== '' && (!PREFIX.test(objectPrefix) || WIDENS_GRANTS.test(objectPrefix))) {
    const fix = "Use words of letters, digits and !_.'()=- joined by single slashes, without one at its end.";
    throw badProp(scope, 'objectPrefix', Token.isUnresolved(objectPrefix) ? 'a token' : objectPrefix, fix);
  }
}

function checkDetail(scope: Construct, metricDetail: MetricDetail = 'subscription'): void {
  if (!METRIC_DETAILS.includes(metricDetail)) {
    throw badProp(scope, 'metricDetail', metricDetail, `Give one of ${METRIC_DETAILS.join(', ')}.`);
  }
}
