import { describe, expect, it } from 'vitest';
import { answerOf, requestOf } from '../../lib/deployed/function-url.ts';
import { MillraceError } from '../../lib/errors.ts';
import { MAX_BODY_BYTES } from '../../lib/http/http-api.ts';
import { TOPIC } from '../client/client-stage.ts';

import { JSON_TYPE, served } from './http-stage.ts';

describe('producing over HTTP', () => {
  it('takes one record, and many, and tells where each stands', async () => {
    const { produce, all } = await served();
    const one = await produce({ key: 'k', value: 'v', partition: 1 });
    expect(one).toMatchObject({ status: 200, json: { results: [{ partition: 1, offset: 0 }] } });
    const many = await produce({
      records: [
        { value: 'a', partition: 0, headers: { trace: 't', none: null } },
        { value: { total: 5 }, partition: 0, timestampMs: 1_700_000_000_000 },
        { keyBase64: '/w==', valueBase64: 'AP8=', headersBase64: [['h', 'AQ==']], partition: 0 },
        { value: null, key: '', partition: 0 },
      ],
    });
    expect(many.status).toBe(200);
    expect(many.json.results.map((result: { offset: number }) => result.offset)).toEqual([0, 1, 2, 3]);
    expect(many.json.results[1].timestampMs).toBe(1_700_000_000_000);
    const stored = (await all()).map(({ partition, keyBytes, valueBytes, headers }) => [
      partition,
      keyBytes && Buffer.from(keyBytes).toString('latin1'),
      valueBytes && Buffer.from(valueBytes).toString('latin1'),
      headers.map(({ key, value }) => [key, value && Buffer.from(value).toString('latin1')]),
    ]);
    expect(stored.toSorted(([left], [right]) => Number(left) - Number(right))).toEqual([
      [
        0,
        null,
        'a',
        [
          ['trace', 't'],
          ['none', null],
        ],
      ],
      [0, null, '{"total":5}', []],
      [0, '\xff', '\x00\xff', [['h', '\x01']]],
      [0, '', null, []],
      [1, 'k', 'v', []],
    ]);
  });

  it('takes a body of bytes as a value, with what the query says of it', async () => {
    const { ask, all } = await served();
    const type = { 'content-type': 'application/octet-stream' };
    const target = `/topics/${TOPIC}/records?key=k%C3%BC&partition=1&timestampMs=5`;
    expect(await ask('POST', target, type, Uint8Array.of(0, 255))).toMatchObject({ status: 200 });
    expect(await ask('POST', `/topics/${TOPIC}/records`, { 'content-type': 'image/png' })).toMatchObject({
      status: 200,
    });
    const records = (await all()).filter(({ partition, key }) => partition === 1 && key !== null);
    expect(
      records.map(({ keyBytes, valueBytes, timestampMs }) => [
        Buffer.from(keyBytes!).toString(),
        [...valueBytes!],
        timestampMs,
      ]),
    ).toEqual([['kü', [0, 255], 5n]]);
  });

  it('takes records that enter their topic later', async () => {
    const { produce, clock, all } = await served();
    const { json } = await produce({
      records: [
        { value: 'later', delay: '10s', partition: 0 },
        { value: 'then', partition: 0, deliverAtMs: clock.nowMs() + 60_000 },
      ],
    });
    expect(json.results).toEqual([
      { id: expect.stringMatching(/./), partition: 0, dueMs: clock.nowMs() + 10_000 },
      { id: expect.stringMatching(/./), partition: 0, dueMs: clock.nowMs() + 60_000 },
    ]);
    expect(await all()).toEqual([]);
  });

  it('tells of each record that failed, beside those that are durable', async () => {
    const down = new MillraceError('NOT_COMMITTED', 'not in time', { hint: 'Send it again.' });
    const { produce } = await served({ fail: ({ value }) => (value === 'bad' ? down : undefined) });
    const some = await produce({ records: [{ value: 'good' }, { value: 'bad' }, { value: 'far', partition: 9 }] });
    expect(some.status).toBe(207);
    expect(some.json.results).toMatchObject([
      { offset: 0 },
      { error: { code: 'NOT_COMMITTED', message: 'not in time', hint: 'Send it again.', retriable: true } },
      { error: { code: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: false } },
    ]);
    expect(await produce({ value: 'bad' })).toMatchObject({ status: 503 });
    expect(await produce({ value: 'x', partition: 9 })).toMatchObject({ status: 404 });
  });

  it('refuses a topic that whoever serves may not use, as no failure of its own', async () => {
    const denied = new MillraceError('ACCESS_DENIED', 'UpdateItem on log: not authorized', {
      hint: 'Allow the action.',
    });
    const { produce } = await served({ fail: () => denied });
    expect(await produce({ value: 'x' })).toMatchObject({
      status: 403,
      json: { results: [{ error: { code: 'ACCESS_DENIED', hint: 'Allow the action.', retriable: false } }] },
    });
  });

  it('takes a request with an idempotency key once, however often it comes', async () => {
    const { ask, all, produce } = await served();
    const target = `/topics/${TOPIC}/records`;
    const headers = { ...JSON_TYPE, 'idempotency-key': '0f9619ff-8b86-4011-b42d-00c04fc964ff' };
    const body = JSON.stringify({ records: [{ key: 'a', value: '1' }, { value: '2' }] });
    const first = await ask('POST', target, headers, body);
    expect(first).toMatchObject({ status: 200, json: { results: [{ offset: 0 }, { offset: expect.any(Number) }] } });
    expect(await ask('POST', target, headers, body)).toEqual(first);
    expect(await all()).toHaveLength(2);
    // Another body is another request: nothing is dropped because somebody has used a key twice.
    await ask('POST', target, headers, JSON.stringify({ value: '3' }));
    expect(await all()).toHaveLength(3);
    const delayed = await ask('POST', target, headers, JSON.stringify({ value: '3', delay: '10s' }));
    expect(delayed).toMatchObject({ status: 400, json: { error: { message: expect.stringContaining('delayed') } } });
    const bad = JSON.stringify({ records: [{ value: 'ok' }, { value: 'far', partition: 9 }] });
    expect(await ask('POST', target, headers, bad)).toMatchObject({ status: 404, json: { error: {} } });
    expect(await all()).toHaveLength(3);
    await produce({ value: '4' });
    expect(await all()).toHaveLength(4);
  });

  it.each([
    ['no JSON', '{', 400, 'no JSON'],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 400, 'no JSON'],
    ['a list', '[]', 400, 'no object'],
    ['no records', '{"records":[]}', 400, 'at least one record'],
    ['more beside records', '{"records":[{"value":""}],"topic":"x"}', 400, 'beside records'],
    ['a misspelt field', '{"records":[{"value":"a"},{"vaule":"b"}]}', 400, 'record 1 has no field vaule'],
    ['no value', '{"key":"k"}', 400, 'no value'],
    ['a key that is no text', '{"key":5,"value":"v"}', 400, 'no text'],
    ['both forms of a value', '{"value":"","valueBase64":""}', 400, 'both'],
    ['bad base64', '{"valueBase64":"a"}', 400, 'no base64'],
    ['url-safe base64', '{"valueBase64":"_w=="}', 400, 'no base64'],
    ['a partition that is no number', '{"value":"","partition":"0"}', 400, 'no whole number'],
    ['headers that are none', '{"value":"","headers":{"a":5}}', 400, 'no headers'],
    ['too many', JSON.stringify({ records: Array(10_001).fill({ value: '' }) }), 413, '10001 records'],
    ['too large a body', 'x'.repeat(MAX_BODY_BYTES + 1), 413, 'more than'],
  ])('sends nothing when a request has %s', async (_, body, status, words) => {
    const { ask, sent } = await served();
    const { status: got, json } = await ask('POST', `/topics/${TOPIC}/records`, JSON_TYPE, body);
    expect(got).toBe(status);
    expect(json.error).toMatchObject({ message: expect.stringContaining(words), hint: expect.stringMatching(/./) });
    expect(sent).toEqual([]);
  });

  it('refuses what it cannot keep, does not know, or could not have been asked for', async () => {
    const { ask, produce, sent } = await served();
    expect(await produce({ value: 'v' }, 'order')).toMatchObject({
      status: 404,
      json: { error: { code: 'UNKNOWN_TOPIC_OR_PARTITION' } },
    });
    expect(await produce({ value: 'v' }, 'a%2Fb')).toMatchObject({ status: 400 });
    expect(await produce({ value: 'v' }, '%E0%A4%A')).toMatchObject({ status: 400 });
    const target = `/topics/${TOPIC}/records`;
    for (const type of ['', 'text/plain', 'application/x-www-form-urlencoded']) {
      expect(await ask('POST', target, { 'content-type': type }, 'v')).toMatchObject({ status: 400 });
    }
    for (const key of ['', 'a b', 'ü', 'x'.repeat(256)]) {
      const refused = await ask('POST', target, { ...JSON_TYPE, 'idempotency-key': key }, '{"value":""}');
      expect(refused).toMatchObject({ status: 400, json: { error: { message: expect.stringContaining('key') } } });
    }
    expect(await ask('PUT', target, JSON_TYPE, '{"value":""}')).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
    });
    expect(await ask('POST', `${target}?partitoin=1`, { 'content-type': 'image/png' }, 'v')).toMatchObject({
      status: 400,
      json: { error: { hint: 'Did you mean partition?' } },
    });
    expect(await ask('GET', '/topic/x')).toMatchObject({ status: 404 });
    expect(sent).toEqual([]);
  });
});

describe('reading over HTTP', () => {
  it('gives records as text, and as base64 what is none', async () => {
    const { produce, read } = await served();
    await produce({
      records: [
        { key: 'k', value: 'v', headers: { h: 'x' }, partition: 0, timestampMs: 7 },
        { valueBase64: '/w==', partition: 0 },
        { value: null, partition: 0 },
      ],
    });
    const { status, json } = await read('offset=beginning');
    expect(status).toBe(200);
    expect(json).toMatchObject({ nextOffset: 3, highWatermark: 3, logStartOffset: 0 });
    expect(json.records).toMatchObject([
      { offset: 0, timestampMs: 7, key: 'k', value: 'v', headers: [{ name: 'h', value: 'x' }] },
      { offset: 1, key: null, valueBase64: '/w==', headers: [] },
      { offset: 2, value: null },
    ]);
    expect((await read('offset=0&encoding=base64')).json.records[0]).toMatchObject({
      keyBase64: 'aw==',
      valueBase64: 'dg==',
    });
  });

  it('goes on where it ended, from any offset inside of a batch', async () => {
    const { produce, read } = await served();
    await produce({ records: Array.from({ length: 10 }, (_, n) => ({ value: `${n}`, partition: 0 })) });
    const first = (await read('offset=3&maxRecords=4')).json;
    expect(first.records.map(({ value }: { value: string }) => value)).toEqual(['3', '4', '5', '6']);
    const second = (await read(`offset=${first.nextOffset}`)).json;
    expect(second.records.map(({ value }: { value: string }) => value)).toEqual(['7', '8', '9']);
    expect((await read(`offset=${second.nextOffset}`)).json).toMatchObject({ records: [], nextOffset: 10 });
    const bytes = (await read('offset=0&maxBytes=1')).json;
    expect(bytes.records).toHaveLength(1);
  });

  it('begins by time', async () => {
    const { produce, read } = await served();
    await produce({ value: 'a', partition: 0, timestampMs: 100 });
    await produce({ value: 'b', partition: 0, timestampMs: 200 });
    expect((await read('timestampMs=150')).json.records).toMatchObject([{ value: 'b' }]);
    expect((await read('timestampMs=900')).json).toMatchObject({ records: [], nextOffset: 2 });
  });

  it('waits for a record, but not for longer than it is told', async () => {
    const { produce, read, clock } = await served();
    const waiting = read('offset=end&waitMs=5000');
    await clock.advance(3_000);
    await produce({ value: 'came', partition: 0 });
    await clock.advance(1_000);
    expect((await waiting).json.records).toMatchObject([{ value: 'came' }]);
    const begunMs = clock.nowMs();
    let endedMs = 0;
    const over = read('offset=end&waitMs=2000').finally(() => {
      endedMs = clock.nowMs();
    });
    await clock.advance(10_000);
    expect(await over).toMatchObject({ status: 200, json: { records: [] } });
    expect(endedMs - begunMs).toBe(2_000);
  });

  it('says of a record that fits into no answer where it is, and where to go on', async () => {
    const { millrace, produce, read } = await served({ config: { 'max.message.bytes': '9000000' } });
    await millrace.producer().send({ topic: TOPIC, partition: 0, value: new Uint8Array(5_000_000).fill(255) });
    await produce({ value: 'behind', partition: 0 });
    expect(await read('offset=0')).toMatchObject({
      status: 413,
      json: {
        error: {
          code: 'MESSAGE_TOO_LARGE',
          hint: expect.stringMatching(/ranges\?offset=0, and go on here at offset 1/),
        },
      },
    });
    expect((await read('offset=1')).json.records).toMatchObject([{ value: 'behind' }]);
  });

  it.each([
    ['', 0, 400, 'offset is missing'],
    ['offset=-1', 0, 400, 'offset cannot be'],
    ['offset=0&timestampMs=1', 0, 400, 'timestampMs'],
    ['offset=0&maxRecord=1', 0, 400, 'maxRecord'],
    ['offset=0&maxRecords=0', 0, 400, 'maxRecords'],
    ['offset=0&waitMs=20001', 0, 400, 'waitMs'],
    ['offset=0&encoding=hex', 0, 400, 'encoding'],
    ['offset=5', 0, 416, ''],
    ['offset=0', 7, 404, 'has no partition 7'],
    ['offset=0', 'x', 404, 'has no partition x'],
  ])('%j of partition %s is answered by a status and the way out', async (query, partition, status, words) => {
    const { read } = await served();
    const { status: got, json } = await read(query, partition);
    expect(got).toBe(status);
    expect(json.error).toMatchObject({ message: expect.stringContaining(words), hint: expect.stringMatching(/./) });
  });
});

describe('a request by a function URL', () => {
  it('is the same request', async () => {
    const { api, all } = await served();
    const event = {
      rawPath: `/topics/${TOPIC}/records`,
      rawQueryString: 'key=a%20b&partition=0',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: 'AP8=',
      isBase64Encoded: true,
      requestContext: { http: { method: 'POST' }, stage: '$default' },
    };
    const answer = answerOf(await api.answer(requestOf(event)));
    expect(answer).toMatchObject({
      statusCode: 200,
      isBase64Encoded: false,
      headers: { 'content-type': 'application/json' },
    });
    const [record] = await all();
    expect([Buffer.from(record!.keyBytes!).toString(), [...record!.valueBytes!]]).toEqual(['a b', [0, 255]]);
    const staged = requestOf({
      ...event,
      rawPath: `/prod${event.rawPath}`,
      requestContext: { http: { method: 'POST' }, stage: 'prod' },
    });
    expect(staged.path).toBe(event.rawPath);
  });

  it.each<[string, object | undefined, object | undefined, number]>([
    ['another session of its role', { iam: { userId: 'AROA1:one' } }, { iam: { userId: 'AROA1:two' } }, 1],
    ['another role', { iam: { userId: 'AROA1:one' } }, { iam: { userId: 'AROA2:one' } }, 2],
    ['another subject', { jwt: { claims: { iss: 'i', sub: 'a' } } }, { jwt: { claims: { iss: 'i', sub: 'b' } } }, 2],
    ['another issuer', { jwt: { claims: { iss: 'i', sub: 'a' } } }, { jwt: { claims: { iss: 'j', sub: 'a' } } }, 2],
    ['another principal', { lambda: { principalId: 'shop' } }, { lambda: { principalId: 'till' } }, 2],
    [
      'its principal by a newer token',
      { lambda: { principalId: 'a', iat: 1 } },
      { lambda: { principalId: 'a', iat: 2 } },
      1,
    ],
    ['a principal without a name', { lambda: { tenant: 'a' } }, { lambda: { tenant: 'b' } }, 1],
    ['a principal that is no text', { lambda: { principalId: {} } }, { lambda: null }, 1],
    ['nobody either', undefined, undefined, 1],
  ])('with an idempotency key that was used by %s is told apart by who asks', async (_, first, second, records) => {
    const { api, all } = await served();
    for (const authorizer of [first, second]) {
      const event = {
        rawPath: `/topics/${TOPIC}/records`,
        headers: { ...JSON_TYPE, 'idempotency-key': '1' },
        body: '{"value":"v"}',
        requestContext: { http: { method: 'POST' }, ...(authorizer && { authorizer }) },
      };
      expect((await api.answer(requestOf(event))).status).toBe(200);
    }
    expect(await all()).toHaveLength(records);
  });
});
