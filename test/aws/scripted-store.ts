import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach } from 'vitest';
import { awsStore } from '../../lib/aws/aws-store.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import { type ScriptedAnswer, type ScriptedServer, type SeenRequest, scriptedServer } from './scripted-server.ts';

/** A store whose requests all meet one scripted server. */
export interface ScriptedStore {
  readonly store: DelayStore;
  readonly meter: UsageMeter;
  readonly server: ScriptedServer;
}

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** How the clients of a scripted store are made. */
export interface ScriptedClients {
  /** 1 unless the test is about repetitions. */
  readonly maxAttempts?: number;
  /** How long they wait for an answer; short only where none will come. */
  readonly answerMs?: number;
}

/** Opens one for the test that is running, through real clients. */
export async function scriptedStore(
  script: (request: SeenRequest) => ScriptedAnswer,
  { maxAttempts = 1, answerMs = 20_000 }: ScriptedClients = {},
): Promise<ScriptedStore> {
  const server = await scriptedServer(script);
  const config = {
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'testtest1' },
    maxAttempts,
    requestHandler: { requestTimeout: answerMs, throwOnRequestTimeout: true, socketTimeout: answerMs },
  };
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  const dynamodb = new DynamoDBClient(config);
  const meter = new UsageMeter();
  const store = awsStore({ s3, dynamodb, bucket: 'the-bucket', logTable: 'the-table', clock, meter });
  opened.push({
    async close() {
      await store.close();
      s3.destroy();
      dynamodb.destroy();
      await server.stop();
    },
  });
  return { store, meter, server };
}
