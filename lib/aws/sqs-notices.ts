/** Notices of failed records to queues of SQS. Needs the peer @aws-sdk/client-sqs, and the actions sqs:GetQueueUrl and sqs:SendMessage. */
import type * as Sdk from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { MillraceError } from '../errors.ts';
import type { FailureNotice, NoticeOutcome } from '../event-source/notice-sender.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { parseArn } from './arn.ts';
import { clientConfig } from './aws-clients.ts';
import { AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';
import { fifoFields, sendNoticeBatches } from './notice-batches.ts';
import { NOTICE_MEANINGS } from './notice-error-meanings.ts';
import { digestOf, NOTICE_ATTEMPTS, type OutsideDeps } from './outside-deps.ts';

/** SQS: a message, and all of one request. Source: "Amazon SQS message quotas" in the developer guide. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** See the top of this file. */
export class SqsNotices {
  readonly #deps: OutsideDeps;
  readonly #sdk: typeof Sdk;
  readonly #connection = new AwsConnection();
  /** By region. */
  readonly #clients = new Map<string, SQSClient>();
  /** By ARN. */
  readonly #urls = new Map<string, Promise<string>>();

  private constructor(deps: OutsideDeps, sdk: typeof Sdk) {
    this.#deps = deps;
    this.#sdk = sdk;
  }

  /** Loads what it needs of the SDK: not before, and not with the module, which a bundle may hold. */
  static async open(deps: OutsideDeps): Promise<SqsNotices> {
    return new SqsNotices(deps, await import('@aws-sdk/client-sqs'));
  }

  /** See `NoticeSender.send`. */
  async send({ arn }: { readonly arn: string }, notices: readonly FailureNotice[]): Promise<readonly NoticeOutcome[]> {
    const QueueUrl = await this.#url(arn);
    const { clock, random } = this.#deps;
    const request = requestOf('SendMessageBatch', arn);
    try {
      return await sendNoticeBatches(notices, {
        clock,
        random,
        request,
        maxBytes: MAX_MESSAGE_BYTES,
        send: async (batch) => {
          const Entries = batch.map(({ index, notice }) => ({
            Id: `${index}`,
            MessageBody: notice.body,
            ...fifoFields(arn, notice, digestOf),
          }));
          const command = new this.#sdk.SendMessageBatchCommand({ QueueUrl, Entries });
          const { Failed = [] } = await this.#connection.ask(request, () => this.#client(arn).send(command));
          return Failed.map(({ Id, Code = '', Message = '' }) => ({ index: Number(Id), code: Code, message: Message }));
        },
      });
    } catch (error) {
      // The queue may have been made again, elsewhere.
      this.#urls.delete(arn);
      throw error;
    }
  }

  /** See `NoticeSender.check`. */
  async check({ arn }: { readonly arn: string }): Promise<void> {
    this.#urls.delete(arn);
    await this.#url(arn);
  }

  close(): void {
    this.#connection.close();
    for (const client of this.#clients.values()) client.destroy();
  }

  #client(arn: string): SQSClient {
    const { region } = parseArn(arn);
    const client =
      this.#clients.get(region) ??
      // The URL names the queue; where requests go is said by the endpoint.
      new this.#sdk.SQSClient({ ...clientConfig({ ...this.#deps.place, region }), useQueueUrlAsEndpoint: false });
    this.#clients.set(region, client);
    return client;
  }

  #url(arn: string): Promise<string> {
    const known = this.#urls.get(arn);
    if (known !== undefined) return known;
    const asked = this.#askUrl(arn);
    this.#urls.set(arn, asked);
    asked.catch(() => this.#urls.delete(arn));
    return asked;
  }

  async #askUrl(arn: string): Promise<string> {
    const { account, resource } = parseArn(arn);
    const command = new this.#sdk.GetQueueUrlCommand({ QueueName: resource, QueueOwnerAWSAccountId: account });
    const request = requestOf('GetQueueUrl', arn);
    const { answer } = await repeatRequest(
      this.#deps,
      () => this.#connection.ask(request, () => this.#client(arn).send(command)),
      NOTICE_ATTEMPTS,
    );
    if (answer.QueueUrl !== undefined) return answer.QueueUrl;
    throw new MillraceError('STORE_MISSING', `there is no queue ${arn}`, { value: arn, hint: 'Create it.' });
  }
}

/** Being there twice does no harm, so the SDK may repeat it. */
function requestOf(operation: string, arn: string): AwsRequest {
  return { operation, effect: 'read', meanings: NOTICE_MEANINGS, container: arn, value: arn };
}
