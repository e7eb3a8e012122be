import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3';
import { s3Client } from '../../lib/aws/aws-clients.ts';
import { awsStore } from '../../lib/aws/aws-store.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import { type Meter, noMeter } from '../../lib/log/meter.ts';
import type { ObjectStore } from '../../lib/log/object-store.ts';
import { startDynamo } from './dynamo-server.ts';
import { startS3 } from './s3-server.ts';
import { freshContainer, givenServer } from './server-process.ts';

/** Both services with a bucket; each store has a table of its own. */
export interface Emulators {
  /** See `DynamoServer`. */
  readonly countsUnits: boolean;
  /** See `ObjectStoreContractOptions`: versitygw 1.8.0 does not; whatever else is given is taken to. */
  readonly copiesConditionally: boolean;
  openStore(meter?: Meter): Promise<{ readonly store: EventSourceStore; close(): Promise<void> }>;
  stop(): Promise<void>;
}

async function removeAll(objects: ObjectStore): Promise<void> {
  for (;;) {
    const page = await objects.list('', null, 1000);
    if (page.length === 0) return;
    await objects.remove(page.map(({ key }) => key));
  }
}

/** Makes a bucket and says its name. */
export async function makeBucket(endpoint: string): Promise<string> {
  const s3 = s3Client({ endpoint });
  const bucket = freshContainer();
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  s3.destroy();
  return bucket;
}

/** Starts both services. */
export async function startEmulators(): Promise<Emulators> {
  const [server, dynamo] = [await startS3(), await startDynamo()];
  const s3 = s3Client({ endpoint: server.endpoint });
  const bucket = await makeBucket(server.endpoint);
  const storeOf = (logTable: string, meter: Meter) =>
    awsStore({ s3, dynamodb: dynamo.dynamodb, bucket, logTable, clock, meter });
  return {
    countsUnits: dynamo.countsUnits,
    copiesConditionally: givenServer('S3') !== undefined,
    async openStore(meter = noMeter) {
      const store = storeOf(await dynamo.openTable(), meter);
      return { store, close: () => store.close() };
    },
    async stop() {
      await dynamo.stop();
      await removeAll(storeOf('', noMeter).objects);
      await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
      s3.destroy();
      await server.stop();
    },
  };
}
