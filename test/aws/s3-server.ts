import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { ACCOUNT, givenServer, ROOT, type Server, startServer } from './server-process.ts';

const VERSITYGW = process.env.MILLRACE_TEST_S3_BIN || `${ROOT}.cache/bin/versitygw`;

/** S3: what AWS_ENDPOINT_URL names, else a versitygw of its own, on tmpfs where there is one. */
export async function startS3(): Promise<Server> {
  const given = givenServer('S3');
  if (given) return given;
  const directory = mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/millrace-s3-`);
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeDirectory);
  const account = ['--access', ACCOUNT.accessKeyId, '--secret', ACCOUNT.secretAccessKey];
  const server = await startServer(VERSITYGW, (port) => [
    ...['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...account],
    ...['posix', directory],
  ]);
  return {
    endpoint: server.endpoint,
    async stop() {
      await server.stop();
      removeDirectory();
      process.off('exit', removeDirectory);
    },
  };
}
