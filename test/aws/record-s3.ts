/**
 * Records the exchanges of `s3-wire-scenario.ts` with versitygw: `node test/aws/record-s3.ts`. Run it after a change of the
 * scenario or an update of the SDK that changes the wire, and read the difference.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { recordExchanges } from './recorded-s3.ts';
import { startS3 } from './s3-server.ts';
import { BUCKET, s3WireScenario, wireClient } from './s3-wire-scenario.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/aws/s3-exchanges.json', import.meta.url));

const server = await startS3();
const client = wireClient(server.endpoint);
await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
client.destroy();
const exchanges = await recordExchanges(server.endpoint, (endpoint) => s3WireScenario(endpoint));
await server.stop();
writeFileSync(FIXTURE, `${JSON.stringify(exchanges, null, 1)}\n`);
console.log(`${exchanges.length} exchanges in ${FIXTURE}`);
