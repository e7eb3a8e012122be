/** The S3 wire contract on machines without an S3 server: requests and answers are those of a real one, recorded by `record-s3.ts`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageMeter } from '../../lib/log/meter.ts';
import { type Exchange, recordedS3 } from './recorded-s3.ts';
import { s3WireScenario } from './s3-wire-scenario.ts';

const fixture = new URL('../fixtures/aws/s3-exchanges.json', import.meta.url);
const exchanges: readonly Exchange[] = JSON.parse(readFileSync(fixture, 'utf8'));

const missing = { code: 'STORE_MISSING', retriable: false };
const denied = { code: 'ACCESS_DENIED', retriable: false };
const expected = [
  ['put', 'created'],
  ['put again', 'exists'],
  ['put a key with special characters', 'created'],
  ['put nothing', 'created'],
  ['get a part', '3456'],
  ['get more than there is', '89'],
  ['get all of it', '0123456789'],
  ['get beyond the end', ''],
  ['get from nothing', ''],
  ['get special characters', '01'],
  ['get what is not there', null],
  ['size', 10],
  ['size of what is not there', null],
  [
    'list',
    [
      { key: 'p/shared/0/a/1', sizeBytes: 10 },
      { key: "p/shared/0/b/!_.*'()=-", sizeBytes: 10 },
      { key: 'p/shared/0/c/empty', sizeBytes: 0 },
    ],
  ],
  ['list a page', [{ key: "p/shared/0/b/!_.*'()=-", sizeBytes: 10 }]],
  ['list nothing', []],
  ['remove', undefined],
  ['get what was removed', null],
  ['remove the rest', undefined],
  ['put into a bucket that is not there', missing],
  ['get from a bucket that is not there', missing],
  ['list a bucket that is not there', missing],
  ['put with a wrong secret', denied],
  ['get with a wrong secret', denied],
] as const;

describe('the S3 wire contract against a recorded-response server', () => {
  it('sends the requests of the record, each once and in order, and understands the answers of a real server', async () => {
    const server = await recordedS3(exchanges);
    const meter = new UsageMeter();
    const steps = await s3WireScenario(server.endpoint, meter);
    await server.stop();
    expect(server.requests()).toEqual(exchanges.map(({ request }) => request));
    expect(steps).toEqual(expected.map(([step, result]) => ({ step, result })));
    expect(meter.usage).toMatchObject({ puts: 6, gets: 12, getBytes: 18, lists: 4, deletes: 2 });
  });

  it('holds every kind of request and of refusal', () => {
    const kinds = exchanges.map(({ request, answer }) => `${request.method} ${answer.status}`);
    const all = ['PUT 200', 'PUT 412', 'PUT 403', 'PUT 404', 'GET 206', 'GET 416', 'GET 404', 'GET 403', 'HEAD 200'];
    for (const kind of [...all, 'HEAD 404', 'GET 200', 'POST 200']) expect(kinds).toContain(kind);
    expect(exchanges.filter(({ request }) => request.headers['if-none-match'] === '*')).toHaveLength(6);
  });
});
