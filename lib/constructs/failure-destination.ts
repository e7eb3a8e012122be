import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic as ISnsTopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Access } from './access.ts';
import type { ITopic } from './topic.ts';

/** What has a policy of its own. */
export interface PolicyHolder {
  addToResourcePolicy(statement: iam.PolicyStatement): iam.AddToResourcePolicyResult;
}

/** A destination outside of the log. */
export interface OutsideDestination {
  readonly holder: PolicyHolder;
  /** What whoever sends there may do. */
  readonly send: readonly Access[];
  /** What whoever looks whether it is there may do: a subscription to what cannot be reached is refused. */
  readonly check: readonly Access[];
  /** Encrypts it; undefined: a key of AWS. */
  readonly key?: IKey | undefined;
}

/** Where records go that were given up. Default: the topic `NAME.dlq`, which is made with the subscription. */
export class FailureDestination {
  /** They are dropped, with a line in the log. */
  static readonly NONE = new FailureDestination(null);

  /** A topic of the same log. */
  static topic(topic: ITopic): FailureDestination {
    return new FailureDestination(`topic:${topic.topicName}`, { topic });
  }

  /** An SQS queue. A record that is too large for it goes to the topic `NAME.dlq`. */
  static queue(queue: IQueue): FailureDestination {
    const resourceArns = [queue.queueArn];
    return new FailureDestination(queue.queueArn, {
      outside: {
        holder: queue,
        send: [{ actions: ['sqs:SendMessage', 'sqs:GetQueueUrl'], resourceArns }],
        check: [{ actions: ['sqs:GetQueueUrl'], resourceArns }],
        key: queue.encryptionMasterKey,
      },
    });
  }

  /** A topic of SNS. A record that is too large for it goes to the topic `NAME.dlq`. */
  static snsTopic(topic: ISnsTopic): FailureDestination {
    const resourceArns = [topic.topicArn];
    const { masterKey } = topic as { masterKey?: IKey };
    return new FailureDestination(topic.topicArn, {
      outside: {
        holder: topic,
        send: [{ actions: ['sns:Publish', 'sns:GetTopicAttributes'], resourceArns }],
        check: [{ actions: ['sns:GetTopicAttributes'], resourceArns }],
        key: masterKey,
      },
    });
  }

  /** A bucket, below `aws/lambda/`. */
  static bucket(bucket: IBucket): FailureDestination {
    const check = [{ actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn] }];
    const put = { actions: ['s3:PutObject'], resourceArns: [bucket.arnForObjects('aws/lambda/*')] };
    return new FailureDestination(bucket.bucketArn, {
      outside: { holder: bucket, send: [put, ...check], check, key: bucket.encryptionKey },
    });
  }

  private constructor(
    onFailure: string | null,
    of: { readonly topic?: ITopic; readonly outside?: OutsideDestination } = {},
  ) {
    this.onFailure = onFailure;
    this.topic = of.topic;
    this.outside = of.outside;
  }

  /** As the options of a subscription say it. */
  readonly onFailure: string | null;
  readonly topic: ITopic | undefined;
  readonly outside: OutsideDestination | undefined;
}
