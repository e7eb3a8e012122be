/**
 * `ObjectStore` over S3: one request for each call, never repeated.
 *
 * A request is counted once it was sent, however it ends. S3 does not charge what it answers with 5xx, so the count is never too low.
 */
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { MillraceError } from '../errors.ts';
import type { Meter, StoreRequest } from '../log/meter.ts';
import type { CopyOutcome, ObjectStore, ObjectSummary, PutOutcome } from '../log/object-store.ts';
import { checkRange, checkRemoval, OBJECTS_PER_REQUEST, parseObjectKey } from '../log/transactional/object-requests.ts';
import type { AwsConnection } from './aws-connection.ts';
import { type AwsRequest, brokenBodyError, partError } from './aws-errors.ts';
import { S3_MEANINGS } from './s3-error-meanings.ts';

/** What an object store is made of. */
export interface S3ObjectStoreParts {
  readonly client: S3Client;
  readonly bucket: string;
  readonly connection: AwsConnection;
  readonly meter: Meter;
}

type ObjectBody = { transformToByteArray(): Promise<Uint8Array> };

/** What is read of an object, and where to. */
interface ObjectRange {
  readonly position: number;
  readonly lengthBytes: number;
  readonly into: Uint8Array | undefined;
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** A HEAD has no body, so its 404 has no code: nobody can tell a missing bucket from a missing object by it. */
const isNoSuchKey = (error: unknown): boolean =>
  ['NoSuchKey', 'NotFound'].includes((error as { name?: string }).name ?? '');

/** An answer of this kind is no error: `absent` stands for "no such object". */
const absentObject = (error: unknown): 'absent' | undefined => (isNoSuchKey(error) ? 'absent' : undefined);

/** `ObjectStore` over a bucket. See the top of this file. */
export class S3ObjectStore implements ObjectStore {
  readonly #parts: S3ObjectStoreParts;

  constructor(parts: S3ObjectStoreParts) {
    this.#parts = parts;
  }

  async put(key: string, bytes: Uint8Array): Promise<PutOutcome> {
    parseObjectKey(key);
    const { client, bucket, connection } = this.#parts;
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: bytes,
      IfNoneMatch: '*',
      ContentType: 'application/octet-stream',
    });
    const answer = await connection.ask(
      this.#request('PutObject', 'write', key),
      () => this.#counted({ kind: 'put', bytes: bytes.length }, () => client.send(command)),
      (error) => (statusOf(error) === 412 ? 'exists' : undefined),
    );
    return answer === 'exists' ? 'exists' : 'created';
  }

  async copy(fromKey: string, toKey: string): Promise<CopyOutcome> {
    parseObjectKey(fromKey);
    parseObjectKey(toKey);
    const { client, bucket, connection } = this.#parts;
    const command = new CopyObjectCommand({
      Bucket: bucket,
      Key: toKey,
      // The only parameter that the SDK does not encode.
      CopySource: [bucket, ...fromKey.split('/')].map(encodeURIComponent).join('/'),
      IfNoneMatch: '*',
    });
    const answer = await connection.ask(
      this.#request('CopyObject', 'write', fromKey),
      () => this.#counted({ kind: 'put', bytes: 0 }, () => client.send(command)),
      (error) => (statusOf(error) === 412 ? 'exists' : absentObject(error)),
    );
    if (answer === 'absent') return 'missing';
    return answer === 'exists' ? 'exists' : 'created';
  }

  async get(key: string, position: number, lengthBytes: number, into?: Uint8Array): Promise<Uint8Array | null> {
    parseObjectKey(key);
    checkRange(position, lengthBytes);
    const request = this.#request('GetObject', 'read', key);
    let receivedBytes = 0;
    try {
      const bytes = await this.#getRange(request, key, { position, lengthBytes, into: into?.subarray(0, lengthBytes) });
      receivedBytes = bytes?.length ?? 0;
      return bytes;
    } finally {
      this.#parts.meter.count({ kind: 'get', bytes: receivedBytes });
    }
  }

  async #getRange(
    request: AwsRequest,
    key: string,
    { position, lengthBytes, into }: ObjectRange,
  ): Promise<Uint8Array | null> {
    const { client, bucket, connection } = this.#parts;
    const range = `bytes=${position}-${position + lengthBytes - 1}`;
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: range });
    const answer = await connection.ask(
      request,
      () => client.send(command),
      (error) => (statusOf(error) === 416 ? 'beyond' : absentObject(error)),
    );
    if (answer === 'absent') return null;
    if (answer === 'beyond') return new Uint8Array(0);
    if (answer.$metadata.httpStatusCode !== 206) {
      // Unread, the body would keep its connection for ever.
      await answer.Body?.transformToWebStream().cancel();
      throw rangeIgnored(request, range);
    }
    return readBody(request, answer.Body, { expectedBytes: answer.ContentLength, into });
  }

  async size(key: string): Promise<number | null> {
    parseObjectKey(key);
    const { client, bucket, connection } = this.#parts;
    const command = new HeadObjectCommand({ Bucket: bucket, Key: key });
    const answer = await connection.ask(
      this.#request('HeadObject', 'read', key),
      () => this.#counted({ kind: 'get', bytes: 0 }, () => client.send(command)),
      absentObject,
    );
    return answer === 'absent' ? null : (answer.ContentLength ?? 0);
  }

  async remove(keys: readonly string[]): Promise<void> {
    checkRemoval(keys);
    if (keys.length === 0) return;
    const { client, bucket, connection } = this.#parts;
    const command = new DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Objects: keys.map((key) => ({ Key: key })), Quiet: true },
    });
    const answer = await connection.ask(this.#request('DeleteObjects', 'write', keys[0]), () =>
      this.#counted({ kind: 'delete', bytes: 0 }, () => client.send(command)),
    );
    // Those that were deleted stay deleted; the same removal may be repeated.
    const failed = answer.Errors?.find(({ Code }) => Code !== 'NoSuchKey');
    if (!failed) return;
    const { Key: key, Code: code = '', Message: message = '' } = failed;
    throw partError({ code, message }, this.#request('DeleteObjects', 'write', key));
  }

  async list(prefix: string, after: string | null, limit: number): Promise<readonly ObjectSummary[]> {
    const { client, bucket, connection } = this.#parts;
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: Math.min(limit, OBJECTS_PER_REQUEST),
      ...(after !== null && { StartAfter: after }),
    });
    const answer = await connection.ask(this.#request('ListObjectsV2', 'read', prefix), () =>
      this.#counted({ kind: 'list', bytes: 0 }, () => client.send(command)),
    );
    return (answer.Contents ?? []).map(({ Key: key = '', Size: sizeBytes = 0 }) => ({ key, sizeBytes }));
  }

  #counted<T>(request: StoreRequest, send: () => Promise<T>): Promise<T> {
    this.#parts.meter.count(request);
    return send();
  }

  #request(operation: string, effect: 'read' | 'write', value: unknown): AwsRequest {
    return { operation, effect, meanings: S3_MEANINGS, container: this.#parts.bucket, value };
  }
}

/** The bytes of an answer. Throws STORE_UNAVAILABLE, retriable, when they end too early. */
async function readBody(
  request: AwsRequest,
  body: ObjectBody | undefined,
  { expectedBytes, into }: { readonly expectedBytes: number | undefined; readonly into: Uint8Array | undefined },
): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    if (into !== undefined && isStream(body)) bytes = await readStream(body, into);
    else bytes = (await body?.transformToByteArray()) ?? new Uint8Array(0);
  } catch (error) {
    throw brokenBodyError(error, request);
  }
  if (expectedBytes === undefined || bytes.length === expectedBytes) return bytes;
  throw brokenBodyError({ name: 'TruncatedBody', message: `${bytes.length} of ${expectedBytes} bytes` }, request);
}

/** On Node the SDK gives a stream of Node's; elsewhere it has others. */
function isStream(body: object | undefined): body is AsyncIterable<Uint8Array> {
  return body !== undefined && Symbol.asyncIterator in body;
}

/** Throws when there is more than there is room for. */
async function readStream(body: AsyncIterable<Uint8Array>, into: Uint8Array): Promise<Uint8Array> {
  let filled = 0;
  for await (const chunk of body) {
    into.set(chunk, filled);
    filled += chunk.length;
  }
  return into.subarray(0, filled);
}

/** 200 instead of 206: the whole object is on its way, of whatever size. */
function rangeIgnored(request: AwsRequest, range: string): MillraceError {
  return new MillraceError('STORE_UNAVAILABLE', `the endpoint ignored the range ${range}`, {
    value: request.value,
    retriable: false,
    hint: 'It is not compatible with S3; use another server.',
  });
}
