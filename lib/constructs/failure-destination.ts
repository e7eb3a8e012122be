import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic as ISnsTopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Access } from './access.ts';
import type { ITopic } from './topic.ts';

/** Where records go that were given up. Default: the topic `NAME.dlq`, which is made with the subscription. */
export class FailureDestination {
  /** They are dropped, with a line in the log. */
  static readonly NONE = new FailureDestination({ onFailure: null, accesses: [] });

  /** A topic of the same log. */
  static topic(topic: ITopic): FailureDestination {
    return new FailureDestination({ onFailure: `topic:${topic.topicName}`, accesses: [], topic });
  }

  /** An SQS queue. A record that is too large for it goes to the topic `NAME.dlq`. */
  static queue(queue: IQueue): FailureDestination {
    const key = queue.encryptionMasterKey;
    return new FailureDestination({
      onFailure: queue.queueArn,
      accesses: [
        { actions: ['sqs:SendMessage', 'sqs:GetQueueUrl', 'sqs:GetQueueAttributes'], resourceArns: [queue.queueArn] },
        ...(key ? [{ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resourceArns: [key.keyArn] }] : []),
      ],
    });
  }

  /** A topic of SNS. A record that is too large for it goes to the topic `NAME.dlq`. */
  static snsTopic(topic: ISnsTopic): FailureDestination {
    return new FailureDestination({
      onFailure: topic.topicArn,
      accesses: [{ actions: ['sns:Publish', 'sns:GetTopicAttributes'], resourceArns: [topic.topicArn] }],
    });
  }

  /** A bucket, below `aws/lambda/`. */
  static bucket(bucket: IBucket): FailureDestination {
    return new FailureDestination({
      onFailure: bucket.bucketArn,
      accesses: [
        { actions: ['s3:PutObject'], resourceArns: [bucket.arnForObjects('aws/lambda/*')] },
        { actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn] },
      ],
    });
  }

  private constructor(destination: Pick<FailureDestination, 'onFailure' | 'accesses' | 'topic'>) {
    this.onFailure = destination.onFailure;
    this.accesses = destination.accesses;
    this.topic = destination.topic;
  }

  /** As the options of a subscription say it. */
  readonly onFailure: string | null;
  /** What whoever sends there may do. */
  readonly accesses: readonly Access[];
  readonly topic?: ITopic | undefined;
}
