import { afterEach, expect, it } from 'vitest';
import { EMPTY_CONFIG } from '../../lib/dev/dev-config.ts';
import { type DevServer, startDevServer } from '../../lib/dev/dev-server.ts';
import { temporaryDirectories } from '../sqlite/temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();
let server: DevServer | undefined;
afterEach(() => server?.close());

it('serves the HTTP API beside its page', async () => {
  const config = { ...EMPTY_CONFIG, topics: [{ name: 'orders', partitionCount: 1 }] };
  server = await startDevServer({ directory: temporaryDirectory(), httpPort: 0, config, onNews: () => {} });
  const records = `${server.address}/topics/orders/records`;
  const post = (body: string | Uint8Array<ArrayBuffer>, type: string) =>
    fetch(records, { method: 'POST', body, headers: { 'content-type': type } });
  const produced = await post('{"records":[{"value":"a"},{"value":"b"}]}', 'application/json');
  expect([produced.status, await produced.json()]).toMatchObject([200, { results: [{ offset: 0 }, { offset: 1 }] }]);
  const read = await fetch(`${server.address}/topics/orders/partitions/0/records?offset=1`);
  expect(await read.json()).toMatchObject({ records: [{ offset: 1, value: 'b' }], nextOffset: 2 });
  // What a form of another page could send.
  expect((await post('a=b', 'application/x-www-form-urlencoded')).status).toBe(400);
  const large = await post(new Uint8Array(6_000_001), 'application/octet-stream');
  expect([large.status, await large.json()]).toMatchObject([413, { error: { code: 'MESSAGE_TOO_LARGE' } }]);
  expect((await fetch(`${server.address}/topics/none/partitions/0/records?offset=0`)).status).toBe(404);
});
