/** Notices of failed records to SQS, SNS and S3; what each needs of the AWS SDK is loaded when it is used first. */
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import type { FailureNotice, NoticeOutcome, NoticeSender, OutsideDestination } from '../event-source/notice-sender.ts';
import { loadAws } from './load-aws.ts';

/** Where SQS, SNS and S3 are. Default: AWS's places, or what AWS_ENDPOINT_URL names. The region of a queue or a topic is in its ARN. */
export interface AwsDestinations {
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** What it needs. */
export interface NoticeSenderDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly place?: AwsDestinations;
}

/** What each kind of destination has. */
interface KindSender {
  send(destination: OutsideDestination, notices: readonly FailureNotice[]): Promise<readonly NoticeOutcome[]>;
  check(destination: OutsideDestination): Promise<void>;
  close(): void;
}

/** A sender. Nothing is loaded or connected before its first notice. */
export function noticeSender({ clock, random, place = {} }: NoticeSenderDeps): NoticeSender {
  const deps = { clock, random, place };
  const opened = new Map<OutsideDestination['kind'], Promise<KindSender>>();
  const load = {
    sqs: async () => (await import('../aws/sqs-notices.ts')).SqsNotices.open(deps),
    sns: async () => (await import('../aws/sns-notices.ts')).SnsNotices.open(deps),
    s3: async () => new (await import('../aws/s3-notices.ts')).S3Notices(deps),
  };
  const senderOf = ({ kind }: OutsideDestination): Promise<KindSender> => {
    const sender = opened.get(kind) ?? loadAws(load[kind] as () => Promise<KindSender>, `@aws-sdk/client-${kind}`);
    opened.set(kind, sender);
    sender.catch(() => opened.delete(kind));
    return sender;
  };
  return {
    send: async (destination, notices) => (await senderOf(destination)).send(destination, notices),
    async check(destination) {
      try {
        await (await senderOf(destination)).check(destination);
      } catch (error) {
        throw unreachable(destination, asMillraceError(error));
      }
    },
    async close() {
      for (const sender of await Promise.allSettled(opened.values())) {
        if (sender.status === 'fulfilled') sender.value.close();
      }
    },
  };
}

/** Says what is asked of whoever names it. */
function unreachable(destination: OutsideDestination, cause: MillraceError): MillraceError {
  const name = destination.kind === 's3' ? destination.bucket : destination.arn;
  const hint = `${cause.hint ?? 'Look at the cause.'} On a laptop, sign in to AWS, set AWS_ENDPOINT_URL to an emulator, or give topic:NAME.`;
  return new MillraceError(cause.code, `the destination ${name} cannot be reached from here: ${cause.message}`, {
    value: name,
    hint,
    cause,
    retriable: cause.retriable,
  });
}
