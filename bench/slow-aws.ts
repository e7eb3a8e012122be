/** S3 and DynamoDB on this machine, as slow as AWS: the servers of the emulator tests, each behind a proxy that delays. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { dynamoClient, s3Client } from '../lib/aws/aws-clients.ts';
import { awsStore } from '../lib/aws/aws-store.ts';
import { createTables } from '../lib/aws/tables.ts';
import { systemClock as clock } from '../lib/clock.ts';
import type { DelayStore } from '../lib/delay/delay-store.ts';
import type { Meter } from '../lib/log/meter.ts';
import { makeBucket } from '../test/aws/emulators.ts';
import { startS3 } from '../test/aws/s3-server.ts';
import { ROOT, startServer } from '../test/aws/server-process.ts';
import { ensureVersitygw } from '../tools/versitygw.ts';
import type { Profile } from './latency-proxy.ts';

/** Opens stores, and ends with everything that it started. */
export interface SlowAws {
  openStore(meter: Meter): Promise<DelayStore>;
  stop(): Promise<void>;
}

interface Proxy {
  readonly endpoint: string;
  stop(): void;
}

async function startProxy(endpoint: string, profile: Profile): Promise<Proxy> {
  const script = fileURLToPath(new URL('./latency-proxy.ts', import.meta.url));
  const child = spawn(process.execPath, [script, new URL(endpoint).port, profile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => void child.kill('SIGKILL');
  process.once('exit', stop);
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    child.once('exit', () => reject(new TypeError('the latency proxy ended')));
  });
  return { endpoint: `http://127.0.0.1:${port}`, stop };
}

/** Starts servers and proxies; null, with the reason on stderr, when this machine has no S3 server and cannot build one. */
export async function startSlowAws(s3Profile: 's3' | 's3Slow' = 's3'): Promise<SlowAws | null> {
  const built = await ensureVersitygw(ROOT, (line) => console.error(line));
  if (built.state === 'absent') {
    console.error(`Left out: ${built.reason}. To have it: ${built.enable}`);
    return null;
  }
  const s3Server = await startS3();
  const dynoxide = `${ROOT}node_modules/@dynoxide/linux-x64/dynoxide`;
  const dynamoServer = await startServer(dynoxide, (port) => ['serve', '--port', String(port)]);
  const bucket = await makeBucket(s3Server.endpoint);
  const [s3Proxy, dynamoProxy] = [
    await startProxy(s3Server.endpoint, s3Profile),
    await startProxy(dynamoServer.endpoint, 'dynamodb'),
  ];
  const [s3, dynamodb] = [s3Client({ endpoint: s3Proxy.endpoint }), dynamoClient({ endpoint: dynamoProxy.endpoint })];
  return {
    async openStore(meter) {
      const logTable = `bench-${randomUUID()}`;
      await createTables({ endpoint: dynamoServer.endpoint, logTable, clock });
      return awsStore({ s3, dynamodb, bucket, logTable, clock, meter });
    },
    async stop() {
      s3.destroy();
      dynamodb.destroy();
      s3Proxy.stop();
      dynamoProxy.stop();
      await Promise.all([s3Server.stop(), dynamoServer.stop()]);
    },
  };
}
