import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { BatchBuilder } from '../../lib/record/batch-builder.ts';
import { decodeBatch } from '../../lib/record/decode-batch.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import type { RecordData } from '../../lib/record/record.ts';

const record: RecordData = { key: Buffer.from('k'), value: Buffer.from('v'), headers: [], timestampMs: 1_000n };
const withCode = (code: string) => expect.objectContaining({ code });

describe('encodeBatch', () => {
  it('writes every field at its place', () => {
    const bytes = encodeBatch(
      [
        { key: null, value: Buffer.from('hi'), headers: [{ key: 'a', value: null }], timestampMs: 10n },
        { key: Buffer.from('k'), value: null, headers: [], timestampMs: 7n },
      ],
      {
        baseOffset: 1n,
        partitionLeaderEpoch: 2,
        producerId: 3n,
        producerEpoch: 4,
        baseSequence: 5,
        transactional: true,
      },
    );
    const hex = Buffer.from(bytes).toString('hex');
    expect(hex.slice(0, 34)).toBe(`0000000000000001${'00000045'}${'00000002'}${'02'}`);
    expect(hex.slice(42)).toBe(
      [
        ...[
          '0010',
          '00000001',
          '000000000000000a',
          '000000000000000a',
          '0000000000000003',
          '0004',
          '00000005',
          '00000002',
        ],
        // length 11: attributes, deltas 0 and 0, null key, value of 2, one header "a" with null
        ...['16', '00', '00', '00', '01', '046869', '02', '0261', '01'],
        // length 7: attributes, deltas -3 and 1, key of 1, null value, no headers
        ...['0e', '00', '05', '02', '026b', '01', '00'],
      ].join(''),
    );
  });

  it('gives bytes of the caller’s own', () => {
    const first = encodeBatch([record]);
    const copy = first.slice();
    encodeBatch([{ ...record, value: Buffer.from('other') }]);
    expect(first).toEqual(copy);
    expect(first.buffer.byteLength).toBe(first.length);
  });

  it('may be called from a getter of a record that is being encoded', () => {
    let inner: Uint8Array | undefined;
    const nested: RecordData = {
      ...record,
      get value() {
        inner = encodeBatch([record, record]);
        return inner;
      },
    };
    const outer = decodeBatch(encodeBatch([record, nested]));
    expect(Buffer.compare(outer.value(1)!, inner!)).toBe(0);
    expect(decodeBatch(inner!).recordCount).toBe(2);
  });

  it.each<[string, unknown]>([
    ['a key that is a string', { ...record, key: 'k' }],
    ['no key at all', { value: null, headers: [], timestampMs: 0n }],
    ['a value that is undefined', { ...record, value: undefined }],
    ['a timestamp that is a number', { ...record, timestampMs: 5 }],
    ['a timestamp of 64 bits without sign', { ...record, timestampMs: 2n ** 63n }],
    ['a timestamp below 64 bits', { ...record, timestampMs: -(2n ** 63n) - 1n }],
    ['headers that are a map', { ...record, headers: new Map() }],
    ['a header with a null key', { ...record, headers: [{ key: null, value: null }] }],
    ['a header key with half a surrogate pair', { ...record, headers: [{ key: '\ud800', value: null }] }],
    ['a header value that is a string', { ...record, headers: [{ key: 'k', value: 'v' }] }],
    ['a header that is null', { ...record, headers: [null] }],
    ['too many headers', { ...record, headers: Array(limits.headersPerRecord + 1).fill({ key: 'k', value: null }) }],
    ['nothing', null],
  ])('refuses a record with %s', (_, bad) => {
    const builder = new BatchBuilder();
    builder.append(record);
    const before = builder.build();
    expect(() => builder.append(bad as RecordData)).toThrow(withCode('INVALID_RECORD'));
    expect(() => encodeBatch([record, bad as RecordData])).toThrow(withCode('INVALID_RECORD'));
    expect(builder.build()).toEqual(before);
    builder.append(record);
    expect(decodeBatch(builder.build()).recordCount).toBe(2);
  });

  it('refuses timestamps that are further apart than 64 bits tell', () => {
    const records = [
      { ...record, timestampMs: -(2n ** 63n) },
      { ...record, timestampMs: 2n ** 63n - 1n },
    ];
    expect(() => encodeBatch(records)).toThrow(withCode('INVALID_RECORD'));
  });

  it('refuses a batch without records', () => {
    expect(() => encodeBatch([])).toThrow(withCode('INVALID_RECORD'));
    expect(() => new BatchBuilder().build()).toThrow(withCode('INVALID_RECORD'));
  });

  it('refuses more bytes than a batch may have, and the builder goes on', () => {
    const half = { ...record, value: new Uint8Array(limits.batchBytes / 2) };
    const builder = new BatchBuilder();
    builder.append(half);
    expect(() => builder.append(half)).toThrow(withCode('MESSAGE_TOO_LARGE'));
    expect(builder.append(record)).toBe(1);
    expect(() => encodeBatch([half, half])).toThrow(withCode('MESSAGE_TOO_LARGE'));
  });

  it('writes a batch of exactly the limit', () => {
    const empty =
      encodeBatch([{ ...record, value: new Uint8Array(limits.batchBytes / 2) }]).length - limits.batchBytes / 2;
    const bytes = encodeBatch([{ ...record, value: new Uint8Array(limits.batchBytes - empty) }]);
    expect(bytes.length).toBe(limits.batchBytes);
    expect(() => encodeBatch([{ ...record, value: new Uint8Array(limits.batchBytes - empty + 1) }])).toThrow(
      withCode('MESSAGE_TOO_LARGE'),
    );
  });

  it.each([
    { producerEpoch: 2 ** 15 },
    { producerEpoch: 1.5 },
    { baseSequence: 2 ** 31 },
    { partitionLeaderEpoch: -(2 ** 31) - 1 },
    { baseOffset: 2n ** 63n },
    { producerId: 5 as unknown as bigint },
  ])('refuses the option %o', (options) => {
    expect(() => encodeBatch([record], options)).toThrow(withCode('INVALID_REQUEST'));
  });

  it('refuses levels and codecs that do not exist', () => {
    for (const [compression, compressionLevel] of [
      ['gzip', 10],
      ['gzip', 0],
      ['zstd', 23],
      ['lz4', 1],
      ['none', 1],
    ] as const) {
      expect(() => encodeBatch([record], { compression, compressionLevel })).toThrow(withCode('INVALID_CONFIG'));
    }
    expect(() => encodeBatch([record], { compression: 'brotli' as 'gzip' })).toThrow(
      withCode('UNSUPPORTED_COMPRESSION_TYPE'),
    );
    const text = { ...record, value: Buffer.from('order '.repeat(1000)) };
    for (const options of [
      { compression: 'gzip', compressionLevel: 9 },
      { compression: 'zstd', compressionLevel: 19 },
    ] as const) {
      expect(decodeBatch(encodeBatch([text], options)).value(0)).toEqual(new Uint8Array(text.value));
    }
  });
});

describe('BatchBuilder', () => {
  it('knows count, size and largest timestamp so far', () => {
    const builder = new BatchBuilder();
    expect(builder).toMatchObject({ recordCount: 0, estimatedBytes: 61, maxTimestampMs: 0n });
    builder.append({ ...record, timestampMs: -5n });
    expect(builder.maxTimestampMs).toBe(-5n);
    builder.append({ ...record, timestampMs: 9n });
    builder.append({ ...record, timestampMs: 3n });
    expect(builder).toMatchObject({ recordCount: 3, maxTimestampMs: 9n });
    expect(builder.estimatedBytes).toBe(builder.build().length);
  });

  it('keeps what a record was when it was appended', () => {
    const value = Buffer.from('before');
    const builder = new BatchBuilder();
    builder.append({ ...record, value });
    value.fill(0);
    expect(Buffer.from(decodeBatch(builder.build()).value(0)!).toString()).toBe('before');
  });
});
