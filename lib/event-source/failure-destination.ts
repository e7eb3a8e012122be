import { MillraceError } from '../errors.ts';
import { parseTopicName } from '../log/topic-name.ts';
import { deadLetterTopic } from './retry-topics.ts';

/** Where records go that were given up. */
export type FailureDestination =
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'sqs' | 'sns'; readonly arn: string }
  | { readonly kind: 's3'; readonly bucket: string };

/** Lambda's own form for a topic ("DestinationConfig" in the Lambda API reference), and ours. */
const TOPIC = /^(?:topic:|kafka:\/\/)(.+)$/;
const SQS_OR_SNS = /^arn:[a-z-]+:(sqs|sns):[a-z0-9-]*:\d*:[A-Za-z0-9_.-]+$/;
const S3 = /^arn:[a-z-]+:s3:::([a-z0-9.-]+)$/;

/** The topic of what a subscription gives up: its destination, or what a queue or a topic of SNS cannot take; null when there is none. */
export function deadLetterTopicOf(onFailure: string | null, group: string): string | null {
  const destination = onFailure === null ? null : parseDestination(onFailure);
  if (destination?.kind === 'topic') return destination.topic;
  return destination?.kind === 'sqs' || destination?.kind === 'sns' ? deadLetterTopic(group) : null;
}

/** Reads `topic:NAME` (or `kafka://NAME`), or the ARN of an SQS queue, an SNS topic or a bucket. Throws INVALID_CONFIG, and INVALID_TOPIC_EXCEPTION for a bad name. */
export function parseDestination(text: unknown): FailureDestination {
  if (typeof text === 'string') {
    const topic = TOPIC.exec(text)?.[1];
    if (topic !== undefined) return { kind: 'topic', topic: parseTopicName(topic) };
    const service = SQS_OR_SNS.exec(text)?.[1] as 'sqs' | 'sns' | undefined;
    if (service !== undefined) return { kind: service, arn: text };
    const bucket = S3.exec(text)?.[1];
    if (bucket !== undefined) return { kind: 's3', bucket };
  }
  throw new MillraceError('INVALID_CONFIG', `${String(text)} is no destination`, {
    value: text,
    hint: 'Give topic:NAME, or the ARN of an SQS queue, an SNS topic or an S3 bucket.',
  });
}
