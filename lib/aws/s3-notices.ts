/** Notices of failed records to buckets: one object for each record. Needs the actions s3:PutObject and, to be checked, s3:ListBucket. */
import { HeadBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { hasCode, MillraceError } from '../errors.ts';
import type { FailureNotice, NoticeOutcome } from '../event-source/notice-sender.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { s3Client } from './aws-clients.ts';
import { type Answer, AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';
import { NOTICE_ATTEMPTS, type OutsideDeps } from './outside-deps.ts';
import { S3_MEANINGS } from './s3-error-meanings.ts';

/** Objects at once. */
const PARALLEL = 8;

/** See the top of this file. */
export class S3Notices {
  readonly #deps: OutsideDeps;
  readonly #connection = new AwsConnection();
  readonly #client: S3Client;

  constructor(deps: OutsideDeps) {
    this.#deps = deps;
    this.#client = s3Client(deps.place);
  }

  /** See `NoticeSender.send`. */
  async send(
    { bucket }: { readonly bucket: string },
    notices: readonly FailureNotice[],
  ): Promise<readonly NoticeOutcome[]> {
    await inParallel(notices, PARALLEL, (notice) => this.#put(bucket, notice));
    return notices.map(() => 'sent');
  }

  /** See `NoticeSender.check`. */
  async check({ bucket }: { readonly bucket: string }): Promise<void> {
    const command = new HeadBucketCommand({ Bucket: bucket });
    try {
      await this.#ask(requestOf('HeadBucket', bucket, bucket), () => this.#client.send(command));
    } catch (error) {
      throw hasCode(error, 'INVALID_REQUEST') && isAbsent(error.cause) ? noBucket(bucket, error) : error;
    }
  }

  close(): void {
    this.#connection.close();
    this.#client.destroy();
  }

  async #put(bucket: string, notice: FailureNotice): Promise<void> {
    const Key = noticeKey(notice, freshUuid(this.#deps.random));
    const command = { Bucket: bucket, Key, Body: notice.body, ContentType: 'application/json' };
    await this.#ask(requestOf('PutObject', bucket, Key), () => this.#client.send(new PutObjectCommand(command)));
  }

  async #ask(request: AwsRequest, send: () => Promise<Answer>): Promise<void> {
    await repeatRequest(this.#deps, () => this.#connection.ask(request, send), NOTICE_ATTEMPTS);
  }
}

/** The key of a notice, as Lambda's: `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>`, where the mapping is the subscription and the shard topic and partition. */
export function noticeKey({ group, topic, partition, atMs }: FailureNotice, uuid: string): string {
  const [date, time] = new Date(atMs).toISOString().slice(0, 19).split('T');
  const place = `aws/lambda/${group}/${topic}-${partition}`;
  return `${place}/${date!.replaceAll('-', '/')}/${date}T${time!.replaceAll(':', '.')}-${uuid}`;
}

/** A HEAD has no body, so that its 404 has no code. */
function isAbsent(cause: unknown): boolean {
  return (cause as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode === 404;
}

function noBucket(bucket: string, cause: unknown): MillraceError {
  const hint = `Create the bucket (aws s3 mb s3://${bucket}), or check name and account.`;
  return new MillraceError('STORE_MISSING', `there is no bucket ${bucket}`, { value: bucket, hint, cause });
}

/** Being there twice does no harm, so the SDK may repeat it. */
function requestOf(operation: string, bucket: string, value: string): AwsRequest {
  return { operation, effect: 'read', meanings: S3_MEANINGS, container: bucket, value };
}
