import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { ObjectRange, RangeLink, RangeLinks } from '../http/range-links.ts';
import { type AwsPlace, s3Client } from './aws-clients.ts';
import { awsError } from './aws-errors.ts';
import { S3_MEANINGS } from './s3-error-meanings.ts';

/**
 * Links to ranges of a bucket: presigned GETs that sign the header `Range`, so that S3 refuses any other bytes of the object. They do what the credentials of this process may do, and end with those if that is earlier.
 * Source: "Authenticating Requests: Using Query Parameters" in the S3 API reference.
 */
export class S3RangeLinks implements RangeLinks {
  readonly #bucket: string;
  readonly #place: AwsPlace;
  /** Made when it is needed: most processes never sign one. */
  #client: S3Client | undefined;

  constructor({ bucket, ...place }: AwsPlace & { readonly bucket: string }) {
    this.#bucket = bucket;
    this.#place = place;
  }

  async link(
    { key, position, lengthBytes }: ObjectRange,
    { expiresSeconds }: { readonly expiresSeconds: number },
  ): Promise<RangeLink> {
    const range = `bytes=${position}-${position + lengthBytes - 1}`;
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key, Range: range });
    this.#client ??= s3Client(this.#place);
    try {
      return { url: await getSignedUrl(this.#client, command, { expiresIn: expiresSeconds }), headers: { range } };
    } catch (error) {
      throw awsError(error, {
        operation: 'presign',
        effect: 'read',
        meanings: S3_MEANINGS,
        container: this.#bucket,
        value: key,
      });
    }
  }
}
