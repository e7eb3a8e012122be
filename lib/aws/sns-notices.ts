/** Notices of failed records to topics of SNS. Needs the peer @aws-sdk/client-sns, and the actions sns:Publish and, to be checked, sns:GetTopicAttributes. */
import type * as Sdk from '@aws-sdk/client-sns';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { FailureNotice, NoticeOutcome } from '../event-source/notice-sender.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { parseArn } from './arn.ts';
import { clientConfig } from './aws-clients.ts';
import { AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';
import { fifoFields, sendNoticeBatches } from './notice-batches.ts';
import { NOTICE_MEANINGS } from './notice-error-meanings.ts';
import { digestOf, NOTICE_ATTEMPTS, type OutsideDeps } from './outside-deps.ts';

/** SNS: a message, and all of one request, unless the topic's MaximumMessageSize says more. Source: "Publishing large messages with Amazon SNS" in the developer guide. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

/** See the top of this file. */
export class SnsNotices {
  readonly #deps: OutsideDeps;
  readonly #sdk: typeof Sdk;
  readonly #connection = new AwsConnection();
  /** By region. */
  readonly #clients = new Map<string, SNSClient>();

  private constructor(deps: OutsideDeps, sdk: typeof Sdk) {
    this.#deps = deps;
    this.#sdk = sdk;
  }

  /** Loads what it needs of the SDK: not before, and not with the module, which a bundle may hold. */
  static async open(deps: OutsideDeps): Promise<SnsNotices> {
    return new SnsNotices(deps, await import('@aws-sdk/client-sns'));
  }

  /** See `NoticeSender.send`. */
  send({ arn }: { readonly arn: string }, notices: readonly FailureNotice[]): Promise<readonly NoticeOutcome[]> {
    const { clock, random } = this.#deps;
    const request = requestOf('PublishBatch', arn);
    return sendNoticeBatches(notices, {
      clock,
      random,
      request,
      maxBytes: MAX_MESSAGE_BYTES,
      send: async (batch) => {
        const PublishBatchRequestEntries = batch.map(({ index, notice }) => ({
          Id: `${index}`,
          Message: notice.body,
          ...fifoFields(arn, notice, digestOf),
        }));
        const command = new this.#sdk.PublishBatchCommand({ TopicArn: arn, PublishBatchRequestEntries });
        const { Failed = [] } = await this.#connection.ask(request, () => this.#client(arn).send(command));
        return Failed.map(({ Id, Code = '', Message = '' }) => ({ index: Number(Id), code: Code, message: Message }));
      },
    });
  }

  /** See `NoticeSender.check`. */
  async check({ arn }: { readonly arn: string }): Promise<void> {
    const command = new this.#sdk.GetTopicAttributesCommand({ TopicArn: arn });
    const request = requestOf('GetTopicAttributes', arn);
    await repeatRequest(
      this.#deps,
      () => this.#connection.ask(request, () => this.#client(arn).send(command)),
      NOTICE_ATTEMPTS,
    );
  }

  close(): void {
    this.#connection.close();
    for (const client of this.#clients.values()) client.destroy();
  }

  #client(arn: string): SNSClient {
    const { region } = parseArn(arn);
    const client = this.#clients.get(region) ?? new this.#sdk.SNSClient(clientConfig({ ...this.#deps.place, region }));
    this.#clients.set(region, client);
    return client;
  }
}

/** Being there twice does no harm, so the SDK may repeat it. */
function requestOf(operation: string, arn: string): AwsRequest {
  return { operation, effect: 'read', meanings: NOTICE_MEANINGS, container: arn, value: arn };
}
