/** What the object store asks of S3, in a fixed order: recorded once from a real server, then asked of the record on machines that have none. */
import { S3Client } from '@aws-sdk/client-s3';
import { AwsConnection } from '../../lib/aws/aws-connection.ts';
import { S3ObjectStore } from '../../lib/aws/s3-object-store.ts';
import { MillraceError } from '../../lib/errors.ts';
import { type Meter, noMeter } from '../../lib/log/meter.ts';
import type { ObjectStore } from '../../lib/log/object-store.ts';

/** The bucket of the record, and one that is not there. */
export const BUCKET = 'millrace-recorded';
const MISSING_BUCKET = 'millrace-missing';
/** What the server of the record was started with. */
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'testtest1' };

/** The client of the scenario: the SDK's defaults in all that shows on the wire. */
export function wireClient(endpoint: string, credentials = CREDENTIALS): S3Client {
  return new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts: 1 });
}

/** One step and what came of it: what was returned, or the error's code. */
export interface WireStep {
  readonly step: string;
  readonly result: unknown;
}

const text = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('latin1');

async function outcome(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof MillraceError) return { code: error.code, retriable: error.retriable };
    throw error;
  }
}

/** Runs all steps against `endpoint`. */
export async function s3WireScenario(endpoint: string, meter: Meter = noMeter): Promise<readonly WireStep[]> {
  const [client, stranger] = [wireClient(endpoint), wireClient(endpoint, { ...CREDENTIALS, secretAccessKey: 'wrong' })];
  const open = (by: S3Client, bucket: string): ObjectStore =>
    new S3ObjectStore({ client: by, bucket, connection: new AwsConnection(), meter });
  const objects = open(client, BUCKET);
  const missing = open(client, MISSING_BUCKET);
  const strange = open(stranger, BUCKET);
  const bytes = Buffer.from('0123456789', 'latin1');
  const steps: [string, () => Promise<unknown>][] = [
    ['put', () => objects.put('p/shared/0/a/1', bytes)],
    ['put again', () => objects.put('p/shared/0/a/1', Buffer.from('other'))],
    ['put a key with special characters', () => objects.put("p/shared/0/b/!_.*'()=-", bytes)],
    ['put nothing', () => objects.put('p/shared/0/c/empty', new Uint8Array(0))],
    ['get a part', async () => text(await objects.get('p/shared/0/a/1', 3, 4))],
    ['get more than there is', async () => text(await objects.get('p/shared/0/a/1', 8, 100))],
    ['get all of it', async () => text(await objects.get('p/shared/0/a/1', 0, 10))],
    ['get beyond the end', async () => text(await objects.get('p/shared/0/a/1', 10, 1))],
    ['get from nothing', async () => text(await objects.get('p/shared/0/c/empty', 0, 1))],
    ['get special characters', async () => text(await objects.get("p/shared/0/b/!_.*'()=-", 0, 2))],
    ['get what is not there', () => objects.get('p/shared/0/a/2', 0, 1)],
    ['size', () => objects.size('p/shared/0/a/1')],
    ['size of what is not there', () => objects.size('p/shared/0/a/2')],
    ['list', () => objects.list('p/shared/0/', null, 1000)],
    ['list a page', () => objects.list('p/shared/0/', 'p/shared/0/a/1', 1)],
    ['list nothing', () => objects.list('q/', null, 10)],
    ['remove', () => objects.remove(['p/shared/0/a/1', 'p/shared/0/a/2'])],
    ['get what was removed', () => objects.get('p/shared/0/a/1', 0, 1)],
    ['remove the rest', () => objects.remove(["p/shared/0/b/!_.*'()=-", 'p/shared/0/c/empty'])],
    ['put into a bucket that is not there', () => missing.put('a', bytes)],
    ['get from a bucket that is not there', () => missing.get('a', 0, 1)],
    ['list a bucket that is not there', () => missing.list('', null, 1)],
    ['put with a wrong secret', () => strange.put('a', bytes)],
    ['get with a wrong secret', () => strange.get('a', 0, 1)],
  ];
  const results: WireStep[] = [];
  for (const [step, ask] of steps) results.push({ step, result: await outcome(ask) });
  client.destroy();
  stranger.destroy();
  return results;
}
