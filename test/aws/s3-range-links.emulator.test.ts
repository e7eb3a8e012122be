/** A link gives away as little as it says: S3 checks the range that was signed. */
import { afterAll, describe, expect, it } from 'vitest';
import { s3Client } from '../../lib/aws/aws-clients.ts';
import { AwsConnection } from '../../lib/aws/aws-connection.ts';
import { S3ObjectStore } from '../../lib/aws/s3-object-store.ts';
import { S3RangeLinks } from '../../lib/aws/s3-range-links.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { makeBucket } from './emulators.ts';
import { startS3 } from './s3-server.ts';

const { endpoint, stop } = await startS3();
const bucket = await makeBucket(endpoint);
const client = s3Client({ endpoint });
const key = 'shared/0/0/hour/an object';
afterAll(async () => {
  client.destroy();
  await stop();
});

describe('links to ranges of S3', () => {
  it('give their bytes and no others, and nothing after their time', async () => {
    const objects = new S3ObjectStore({ client, bucket, connection: new AwsConnection(), meter: noMeter });
    await objects.put(key, Buffer.from('of another|mine|of another'));
    const links = new S3RangeLinks({ bucket, endpoint });
    const range = { key, position: 11, lengthBytes: 4 };
    const { url, headers } = await links.link(range, { expiresSeconds: 900 });
    const answer = await fetch(url, { headers });
    expect([answer.status, await answer.text()]).toEqual([206, 'mine']);
    for (const other of [{}, { range: 'bytes=0-25' }]) {
      expect((await fetch(url, { headers: other })).status).toBe(403);
    }
    const longer = new URL(url);
    longer.searchParams.set('X-Amz-Expires', '90000');
    expect((await fetch(longer, { headers })).status).toBe(403);
    const expired = new URL(url);
    expect(expired.searchParams.get('X-Amz-Expires')).toBe('900');
    expect(expired.searchParams.get('X-Amz-SignedHeaders')).toBe('host;range');
  });
});
