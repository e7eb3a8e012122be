import { existsSync } from 'node:fs';
import { ACCOUNT, givenServer, ROOT, type Server, startServer } from './server-process.ts';

const MINISTACK = `${ROOT}.cache/ministack/bin/ministack`;

/** SQS, SNS and S3: what AWS_ENDPOINT_URL names, else a MiniStack of its own, which keeps everything in memory. */
export async function startMinistack(): Promise<Server> {
  const given = givenServer('all');
  if (given) return given;
  if (!existsSync(MINISTACK)) throw new TypeError('MiniStack is not installed; npm test says how');
  return startServer(
    MINISTACK,
    () => [],
    (port) => ({
      GATEWAY_PORT: `${port}`,
      BIND_HOST: '127.0.0.1',
      LOG_LEVEL: 'ERROR',
      AWS_ACCESS_KEY_ID: ACCOUNT.accessKeyId,
    }),
  );
}
