/** Every documented error of S3, as it comes over the wire, through the real client. */
import { describe, expect, it } from 'vitest';
import { type MillraceError, UnansweredError } from '../../lib/errors.ts';
import type { ObjectStore } from '../../lib/log/object-store.ts';
import { inTurn, type ScriptedAnswer, s3Error } from './scripted-server.ts';
import { scriptedStore } from './scripted-store.ts';

type Call = (objects: ObjectStore) => Promise<unknown>;
/** 0x55BC801D. */
const CRC32_OF_123 = 'VbyAHQ==';
const put: Call = (objects) => objects.put('a/key', Uint8Array.of(1, 2, 3));
const get: Call = (objects) => objects.get('a/key', 0, 10);
const size: Call = (objects) => objects.size('a/key');
const remove: Call = (objects) => objects.remove(['a/key', 'a/other']);
const list: Call = (objects) => objects.list('a/', null, 10);
const calls = { put, get, size, remove, list };

async function failure(call: Call, ...answers: ScriptedAnswer[]): Promise<MillraceError> {
  const { store, server } = await scriptedStore(
    inTurn(...answers),
    answers.includes('silence') ? { answerMs: 100 } : {},
  );
  const error = await call(store.objects).then(
    () => expect.unreachable('the call did not fail'),
    (thrown: MillraceError) => thrown,
  );
  expect(server.requests.length).toBe(1);
  expect(error.hint).toBeTypeOf('string');
  expect(error.value).toBe(call === list ? 'a/' : 'a/key');
  return error;
}

describe('a copy', () => {
  const copy: Call = (objects) => objects.copy('a/key', "b/(it's).x");

  it('is made once, on the side of the store, and only if there is nothing', async () => {
    const { store, server } = await scriptedStore(
      inTurn({ status: 200, body: '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>' }),
    );
    expect(await store.objects.copy("a/(it's).x", 'a/key')).toBe('created');
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /the-bucket/a/key?x-id=CopyObject',
    ]);
    const [source] = [server.requests[0]!.headers['x-amz-copy-source']];
    expect(decodeURIComponent(String(source))).toBe("the-bucket/a/(it's).x");
    expect(server.requests[0]!.headers).toMatchObject({ 'if-none-match': '*' });
    expect(server.requests[0]!.body).toHaveLength(0);
  });

  it('finds the key taken: 412', async () => {
    const { store } = await scriptedStore(inTurn(s3Error(412, 'PreconditionFailed')));
    expect(await copy(store.objects)).toBe('exists');
  });

  it('finds nothing to copy: 404', async () => {
    const { store } = await scriptedStore(inTurn(s3Error(404, 'NoSuchKey')));
    expect(await copy(store.objects)).toBe('missing');
  });

  it.each([
    [409, 'ConditionalRequestConflict'],
    [503, 'SlowDown'],
  ])('that meets %i %s was answered, and may be sent again', async (status, code) => {
    const error = await failure(copy, s3Error(status, code));
    expect(error).not.toBeInstanceOf(UnansweredError);
    expect(error).toMatchObject({ code: 'THROTTLED', retriable: true });
  });

  it('may have taken effect when S3 fails, also behind a 200: its error comes in the body then', async () => {
    expect(await failure(copy, s3Error(500, 'InternalError'))).toBeInstanceOf(UnansweredError);
    expect(await failure(copy, s3Error(200, 'InternalError'))).toBeInstanceOf(UnansweredError);
    expect(await failure(copy, 'reset')).toBeInstanceOf(UnansweredError);
  });

  it('says that the bucket is not there', async () => {
    expect(await failure(copy, s3Error(404, 'NoSuchBucket'))).toMatchObject({ code: 'STORE_MISSING' });
  });
});

describe('a put', () => {
  it('is made, once', async () => {
    const { store, server } = await scriptedStore(inTurn({ status: 200 }));
    expect(await put(store.objects)).toBe('created');
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /the-bucket/a/key?x-id=PutObject',
    ]);
    expect(server.requests[0]!.headers).toMatchObject({ 'if-none-match': '*', 'x-amz-checksum-crc32': CRC32_OF_123 });
  });

  it('finds the key taken: 412', async () => {
    const { store } = await scriptedStore(inTurn(s3Error(412, 'PreconditionFailed')));
    expect(await put(store.objects)).toBe('exists');
  });

  it.each([
    [409, 'ConditionalRequestConflict'],
    [409, 'OperationAborted'],
    [503, 'SlowDown'],
    [503, 'ServiceUnavailable'],
    [429, 'TooManyRequests'],
  ])('that meets %i %s was answered: nothing was written, and it may be sent again', async (status, code) => {
    const error = await failure(put, s3Error(status, code));
    expect(error).not.toBeInstanceOf(UnansweredError);
    expect(error).toMatchObject({ code: 'THROTTLED', retriable: true });
  });

  it.each([
    [500, 'InternalError'],
    [502, 'BadGateway'],
    [503, 'FromAProxy'],
    [504, 'GatewayTimeout'],
  ])('that meets %i %s was not answered: it may have taken effect', async (status, code) => {
    const error = await failure(put, s3Error(status, code));
    expect(error).toBeInstanceOf(UnansweredError);
    expect(error).toMatchObject({ code: 'REQUEST_TIMED_OUT', retriable: true });
  });

  it('whose answer cannot be read is not answered', async () => {
    expect(await failure(put, { status: 500, body: 'no XML at all' })).toBeInstanceOf(UnansweredError);
  });

  it('is not answered when the connection ends, nor when nothing comes in time', async () => {
    expect(await failure(put, 'reset')).toBeInstanceOf(UnansweredError);
    expect(await failure(put, 'silence')).toBeInstanceOf(UnansweredError);
  });

  it('that took effect before the connection ended shows when it is sent again', async () => {
    const stored = new Map<string, Buffer>();
    const { store } = await scriptedStore(({ path, body }) => {
      if (stored.has(path)) return s3Error(412, 'PreconditionFailed');
      stored.set(path, body);
      return 'reset';
    });
    await expect(put(store.objects)).rejects.toBeInstanceOf(UnansweredError);
    expect(await put(store.objects)).toBe('exists');
    expect([...stored.values()]).toEqual([Buffer.of(1, 2, 3)]);
  });

  it.each(['BadDigest', 'InvalidDigest', 'XAmzContentChecksumMismatch', 'XAmzContentSHA256Mismatch'])(
    'that arrives damaged (%s) was not stored and may be sent again',
    async (code) => {
      expect(await failure(put, s3Error(400, code))).toMatchObject({ code: 'CHECKSUM_MISMATCH', retriable: true });
    },
  );

  it('whose bytes came too slowly was not stored', async () => {
    const error = await failure(put, s3Error(400, 'RequestTimeout'));
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
    expect(error).not.toBeInstanceOf(UnansweredError);
  });

  it('says that the store is full', async () => {
    expect(await failure(put, s3Error(507, 'XMinioStorageFull'))).toMatchObject({ code: 'STORE_FULL' });
    expect(await failure(put, s3Error(403, 'QuotaExceeded'))).toMatchObject({ code: 'STORE_FULL', retriable: false });
  });

  it.each([
    ['success', { status: 200 }],
    ['412', s3Error(412, 'PreconditionFailed')],
    ['503', s3Error(503, 'SlowDown')],
  ] as const)('that the SDK repeated by itself is not answered, even by a %s', async (_name, answer) => {
    const { store, server } = await scriptedStore(inTurn(s3Error(500, 'InternalError'), answer), { maxAttempts: 2 });
    await expect(put(store.objects)).rejects.toBeInstanceOf(UnansweredError);
    expect(server.requests.length).toBe(2);
  });
});

describe('a get', () => {
  const body = Buffer.from('0123456789');
  const whole = { 'content-range': 'bytes 0-9/10' };

  it('asks for its range and returns it', async () => {
    const { store, server } = await scriptedStore(inTurn({ status: 206, headers: whole, body }));
    expect(await get(store.objects)).toEqual(new Uint8Array(body));
    expect(server.requests[0]).toMatchObject({ method: 'GET', headers: { range: 'bytes=0-9' } });
  });

  it('is null without such an object, and empty beyond its end', async () => {
    const { store } = await scriptedStore(inTurn(s3Error(404, 'NoSuchKey'), s3Error(416, 'InvalidRange')));
    expect(await get(store.objects)).toBeNull();
    expect(await get(store.objects)).toEqual(new Uint8Array(0));
  });

  it('that breaks off may be asked again', async () => {
    const error = await failure(get, 'truncate');
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
    expect(error).not.toBeInstanceOf(UnansweredError);
  });

  it('whose bytes do not fit their checksum may be asked again', async () => {
    const headers = { ...whole, 'x-amz-checksum-crc32': 'AAAAAA==' };
    const error = await failure(get, { status: 206, headers, body });
    expect(error).toMatchObject({ code: 'CHECKSUM_MISMATCH', retriable: true });
  });

  it('may be repeated by the SDK, since it changes nothing', async () => {
    const answers = inTurn(s3Error(500, 'InternalError'), { status: 206, headers: whole, body });
    const { store } = await scriptedStore(answers, { maxAttempts: 2 });
    expect(await get(store.objects)).toEqual(new Uint8Array(body));
  });

  it('refuses a server that ignores the range', async () => {
    expect(await failure(get, { status: 200, body })).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: false });
  });
});

describe('a removal', () => {
  const result = (inner: string): ScriptedAnswer => ({
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult>${inner}</DeleteResult>`,
  });
  const failed = (code: string) => result(`<Error><Key>a/key</Key><Code>${code}</Code><Message>no</Message></Error>`);

  it('is one request for all keys', async () => {
    const { store, server } = await scriptedStore(inTurn(result('')));
    await remove(store.objects);
    expect(server.requests.length).toBe(1);
    expect(server.requests[0]!.body.toString()).toContain('<Key>a/key</Key></Object><Object><Key>a/other</Key>');
  });

  it('takes keys that are not there as removed', async () => {
    const { store } = await scriptedStore(inTurn(failed('NoSuchKey')));
    await remove(store.objects);
  });

  it.each([
    ['AccessDenied', 'ACCESS_DENIED', false],
    ['SlowDown', 'THROTTLED', true],
    ['InternalError', 'REQUEST_TIMED_OUT', true],
    ['SomethingNew', 'STORE_UNAVAILABLE', false],
  ])('names the key that failed with %s', async (code, expected, retriable) => {
    expect(await failure(remove, failed(code))).toMatchObject({ code: expected, retriable });
  });
});

describe.each(Object.entries(calls))('%s', (name, call) => {
  // The answer to a HEAD has no body, so all that can be told of it follows from its status.
  const isHead = name === 'size';

  it('tells expired credentials', async () => {
    const error = await failure(call, s3Error(400, 'ExpiredToken'));
    if (isHead) expect(error).toMatchObject({ code: 'INVALID_REQUEST', retriable: false });
    else expect(error).toMatchObject({ code: 'CREDENTIALS_EXPIRED', retriable: false });
  });

  it.each(['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'RequestTimeTooSkewed'])(
    'tells that it is not allowed: %s',
    async (code) => {
      expect(await failure(call, s3Error(403, code))).toMatchObject({ code: 'ACCESS_DENIED', retriable: false });
    },
  );

  it('names a bucket that does not exist, and how to make it', async () => {
    if (isHead) {
      const { store } = await scriptedStore(inTurn(s3Error(404, 'NoSuchBucket')));
      return expect(await call(store.objects)).toBeNull();
    }
    const error = await failure(call, s3Error(404, 'NoSuchBucket'));
    expect(error).toMatchObject({ code: 'STORE_MISSING', retriable: false });
    expect(error.hint).toContain('aws s3 mb s3://the-bucket');
  });

  it('names a bucket that is in another region', async () => {
    const error = await failure(call, s3Error(301, 'PermanentRedirect'));
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', retriable: false });
    expect(error.hint).toContain('region');
  });

  it('fails for good when the request is refused as it is, or is not known', async () => {
    const invalid = { code: 'INVALID_REQUEST', retriable: false };
    expect(await failure(call, s3Error(400, 'InvalidArgument'))).toMatchObject(invalid);
    const unknown = { code: 'STORE_UNAVAILABLE', retriable: false };
    expect(await failure(call, s3Error(501, 'NotImplemented'))).toMatchObject(unknown);
  });

  it('is retriable when nothing listens: not a byte was sent', async () => {
    const { store, server } = await scriptedStore(inTurn('silence'));
    await server.stop();
    const error = await call(store.objects).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
    expect(error).not.toBeInstanceOf(UnansweredError);
  });

  it('says CLOSED after the store was closed, and sends nothing', async () => {
    const { store, server } = await scriptedStore(inTurn('silence'));
    await store.close();
    await expect(call(store.objects)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(server.requests).toEqual([]);
  });
});

describe('the clock of the servers', () => {
  it('is told of the date of every answer, errors included, until the store is closed', async () => {
    const dateAt = (ms: number) => ({ date: new Date(ms).toUTCString() });
    const startMs = Date.now() + 600_000;
    const { store } = await scriptedStore(
      inTurn(
        { ...(s3Error(404, 'NoSuchKey') as { status: number }), headers: dateAt(startMs) },
        {
          status: 200,
          headers: { ...dateAt(startMs + 3_600_000), 'content-type': 'application/x-amz-json-1.0' },
          body: '{}',
        },
      ),
    );
    await get(store.objects);
    expect(store.serverClock.nowMs()).toBeGreaterThanOrEqual(startMs - 1000);
    expect(store.serverClock.nowMs()).toBeLessThan(startMs + 1_000_000);
    await store.heads.read({ topicId: 'a', partition: 0 }, { consistent: true });
    expect(store.serverClock.nowMs()).toBeGreaterThanOrEqual(startMs + 3_599_000);
  });
});

describe('the meter', () => {
  it('counts a request however it ends', async () => {
    const { store, meter } = await scriptedStore(inTurn(s3Error(503, 'SlowDown')));
    for (const call of Object.values(calls)) await call(store.objects).catch(() => undefined);
    expect(meter.usage).toMatchObject({ puts: 1, putBytes: 3, gets: 2, lists: 1, deletes: 1 });
  });
});
