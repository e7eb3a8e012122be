import { Annotations, Duration, type RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** A bucket for the objects of a log: private, over TLS alone, without versions, and cleared of uploads that were not completed. */
export function logBucket(
  scope: Construct,
  options: {
    readonly removalPolicy: RemovalPolicy;
    readonly encryptionKey: IKey | undefined;
    readonly autoDeleteObjects: boolean;
  },
): s3.IBucket {
  const { removalPolicy, encryptionKey, autoDeleteObjects } = options;
  const bucket = new s3.Bucket(scope, 'Objects', {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy,
    autoDeleteObjects,
    lifecycleRules: [{ id: 'IncompleteUploads', abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    ...(encryptionKey === undefined
      ? { encryption: s3.BucketEncryption.S3_MANAGED }
      : // One request to KMS for many objects, instead of one for each.
        { encryption: s3.BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }),
  });
  acknowledge(bucket, {
    'AwsSolutions-S1':
      'Access logs of a log that lives by many small requests would cost more than the log; CloudTrail data events can be turned on for the bucket where an audit needs them.',
  });
  // The CDK's own declarations do not hold with exact optional properties.
  return bucket as s3.IBucket;
}

/** A bucket that was there is used by others, maybe: they are told what changes for them. What is below the prefix takes no requests without TLS. */
export function shareBucket(scope: Construct, bucket: s3.IBucket, objectPrefix: string): void {
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: `MillraceObjectsNeedTls${scope.node.addr}`,
      effect: iam.Effect.DENY,
      principals: [new iam.AnyPrincipal()],
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      resources: [bucket.arnForObjects(objectPrefix === '' ? '*' : `${objectPrefix}/*`)],
      conditions: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  );
  if (objectPrefix !== '') return;
  const text =
    'Everybody who writes to this bucket has to send If-None-Match from now on, since the log has no objectPrefix in it. Give it one, or a bucket of its own.';
  Annotations.of(scope).addWarningV2('millrace:sharedBucket', text);
}

/**
 * Denies to write over an object: Millrace writes each once, with `If-None-Match: *`. Source: "Enforce conditional writes on Amazon S3 buckets" in the S3 user guide.
 *
 * A bucket that was not made in this app keeps its policy; then a warning has the statement.
 */
export function denyOverwriting(scope: Construct, bucket: s3.IBucket, objectPrefix: string): void {
  const statement = new iam.PolicyStatement({
    // Several logs may share a bucket, and a policy has each name once.
    sid: `MillraceObjectsAreWrittenOnce${scope.node.addr}`,
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: ['s3:PutObject'],
    resources: [bucket.arnForObjects(objectPrefix === '' ? '*' : `${objectPrefix}/*`)],
    conditions: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
  });
  if (bucket.addToResourcePolicy(statement).statementAdded) return;
  const text = JSON.stringify(statement.toStatementJson());
  Annotations.of(scope).addWarningV2(
    'millrace:bucketPolicy',
    `The policy of an imported bucket cannot be changed from here. Add this statement to it, so that nobody writes over objects of the log: ${text}`,
  );
}
