import { readFileSync } from 'node:fs';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { type Exchange, recordExchanges } from './recorded-s3.ts';
import { startS3 } from './s3-server.ts';
import { BUCKET, s3WireScenario, wireClient } from './s3-wire-scenario.ts';

const fixture = new URL('../fixtures/aws/s3-exchanges.json', import.meta.url);

// A server at AWS_ENDPOINT_URL has another secret than the record was made with, and may have the bucket.
const isOwnServer = !(process.env.AWS_ENDPOINT_URL || process.env.AWS_ENDPOINT_URL_S3);

it.runIf(isOwnServer)('the recorded exchanges are what the server says today', async () => {
  const server = await startS3();
  const client = wireClient(server.endpoint);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const today = await recordExchanges(server.endpoint, (endpoint) => s3WireScenario(endpoint));
  client.destroy();
  await server.stop();
  const exchanges: readonly Exchange[] = JSON.parse(readFileSync(fixture, 'utf8'));
  const comparable = ({ request, answer }: Exchange) => ({ request, status: answer.status });
  expect(today.map(comparable)).toEqual(exchanges.map(comparable));
});
