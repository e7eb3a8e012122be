import { describe, expect, it } from 'vitest';
import { type OutgoingRecord, prepareRecord } from '../../lib/client/outgoing-record.ts';
import { MillraceError } from '../../lib/errors.ts';
import { BATCH_HEADER_BYTES } from '../../lib/record/batch-header.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';

const refused = (record: unknown): MillraceError => {
  try {
    prepareRecord(record as OutgoingRecord);
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new Error(`accepted: ${String(record)}`);
};

describe('a record to send', () => {
  it('becomes bytes, with null and empty apart', () => {
    const headers = { a: 'x', b: null };
    const record = prepareRecord({ topic: 't', key: 'ключ', value: null, headers });
    expect(Buffer.from(record.key!).toString()).toBe('ключ');
    expect(record.value).toBeNull();
    expect(record.headers).toEqual([
      { key: 'a', value: Buffer.from('x') },
      { key: 'b', value: null },
    ]);
    expect(prepareRecord({ topic: 't', value: '' }).value).toHaveLength(0);
    expect(prepareRecord({ topic: 't', value: '' }).key).toBeNull();
  });

  it('may repeat a header when they are pairs', () => {
    const pairs = [
      ['a', '1'],
      ['a', '2'],
    ] as const;
    expect(prepareRecord({ topic: 't', value: '', headers: pairs }).headers.map(({ key }) => key)).toEqual(['a', 'a']);
  });

  it('takes a timestamp as a number or a bigint', () => {
    expect(prepareRecord({ topic: 't', value: '', timestampMs: 5 }).timestampMs).toBe(5n);
    expect(prepareRecord({ topic: 't', value: '', timestampMs: 5n }).timestampMs).toBe(5n);
  });

  it('says a bound of its size in a batch that holds', () => {
    const record = prepareRecord({
      topic: 't',
      key: 'k'.repeat(300),
      value: 'v'.repeat(70_000),
      headers: { h: 'é'.repeat(200) },
    });
    const timestampMs = 2n ** 62n;
    const first = { key: null, value: null, headers: [], timestampMs: 0n };
    const alone = encodeBatch([first]).length;
    const both = encodeBatch([first, { ...record, timestampMs }]).length;
    expect(both - alone).toBeLessThanOrEqual(record.encodedBytes);
    expect(alone).toBeGreaterThan(BATCH_HEADER_BYTES);
  });

  it.each([
    ['nothing', undefined, 'INVALID_RECORD'],
    ['no topic', { value: 'v' }, 'INVALID_TOPIC_EXCEPTION'],
    ['an empty topic', { topic: '', value: 'v' }, 'INVALID_TOPIC_EXCEPTION'],
    ['no value', { topic: 't' }, 'INVALID_RECORD'],
    ['a misspelt field', { topic: 't', value: '', ky: 'k' }, 'INVALID_RECORD'],
    ['a number as value', { topic: 't', value: 5 }, 'INVALID_RECORD'],
    ['an object as key', { topic: 't', key: {}, value: '' }, 'INVALID_RECORD'],
    ['a text as headers', { topic: 't', value: '', headers: 'x' }, 'INVALID_RECORD'],
    ['a header without a value', { topic: 't', value: '', headers: { a: undefined } }, 'INVALID_RECORD'],
    ['a header that is no pair', { topic: 't', value: '', headers: [['a']] }, 'INVALID_RECORD'],
    ['a header name of half a character', { topic: 't', value: '', headers: { '\ud800': '' } }, 'INVALID_RECORD'],
    ['too many headers', { topic: 't', value: '', headers: Array(10_001).fill(['a', '']) }, 'INVALID_RECORD'],
    ['a negative partition', { topic: 't', value: '', partition: -1 }, 'INVALID_PARTITIONS'],
    ['half a partition', { topic: 't', value: '', partition: 0.5 }, 'INVALID_PARTITIONS'],
    ['a partition of text', { topic: 't', value: '', partition: '0' }, 'INVALID_PARTITIONS'],
    ['a negative timestamp', { topic: 't', value: '', timestampMs: -1n }, 'INVALID_TIMESTAMP'],
    ['half a millisecond', { topic: 't', value: '', timestampMs: 1.5 }, 'INVALID_TIMESTAMP'],
    ['a timestamp beyond 64 bits', { topic: 't', value: '', timestampMs: 2n ** 63n }, 'INVALID_TIMESTAMP'],
    ['a timestamp of text', { topic: 't', value: '', timestampMs: 'now' }, 'INVALID_TIMESTAMP'],
    ['an expected offset as number', { topic: 't', value: '', partition: 0, expectedOffset: 1 }, 'INVALID_REQUEST'],
    ['a negative expected offset', { topic: 't', value: '', partition: 0, expectedOffset: -1n }, 'INVALID_REQUEST'],
    ['an expected offset without a partition', { topic: 't', value: '', expectedOffset: 1n }, 'INVALID_REQUEST'],
  ])('is refused with %s', (_, record, code) => {
    const error = refused(record);
    expect(error.code).toBe(code);
    expect(error.hint).toBeTruthy();
  });
});
