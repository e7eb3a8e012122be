import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bigVarlongBytes,
  VARLONG_SAFE,
  VarintReader,
  varintBytes,
  varlongBytes,
  writeBigVarlong,
  writeVarint,
  writeVarlong,
} from '../../lib/record/varint.ts';

const i32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -200, max: 200 }));
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('varints', () => {
  it('read back as they were written, in the length foretold', () => {
    fc.assert(
      fc.property(i32, (value) => {
        const bytes = new Uint8Array(5);
        const end = writeVarint(bytes, 0, value);
        expect(end).toBe(varintBytes(value));
        const reader = new VarintReader(bytes, 0, end);
        expect(reader.readVarint()).toBe(value);
        expect(reader.position).toBe(end);
      }),
      { numRuns: 3000 },
    );
  });

  it('of 64 bits read back as they were written, and numbers give the same bytes as bigints', () => {
    fc.assert(
      fc.property(fc.oneof(i64, i32.map(BigInt), fc.maxSafeInteger().map(BigInt)), (value) => {
        const bytes = new Uint8Array(10);
        const end = writeBigVarlong(bytes, 0, value);
        expect(end).toBe(bigVarlongBytes(value));
        const reader = new VarintReader(bytes, 0, end);
        expect(reader.readVarlong()).toBe(value);
        expect(reader.position).toBe(end);
        reader.position = 0;
        reader.skipVarlong();
        expect(reader.position).toBe(end);
        const near = Number(value);
        if (Math.abs(near) < VARLONG_SAFE) {
          const other = new Uint8Array(10);
          expect(writeVarlong(other, 0, near)).toBe(end);
          expect(varlongBytes(near)).toBe(end);
          expect(other).toEqual(bytes);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['cut off', [0x80, 0x80]],
    ['empty', []],
    ['of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['of six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ])('%s are refused as i32', (_, bytes) => {
    expect(() => new VarintReader(Uint8Array.from(bytes)).readVarint()).toThrow(
      expect.objectContaining({ code: 'CORRUPT_MESSAGE' }),
    );
  });

  it.each([
    ['cut off early', [0x80, 0x80]],
    ['cut off late', Array(9).fill(0x80)],
    ['empty', []],
    ['of more than 64 bits', [...Array(9).fill(0xff), 0x02]],
    ['of eleven bytes', [...Array(10).fill(0x80), 0x01]],
  ])('%s are refused as i64, read or skipped', (_, bytes) => {
    const corrupt = expect.objectContaining({ code: 'CORRUPT_MESSAGE' });
    expect(() => new VarintReader(Uint8Array.from(bytes)).readVarlong()).toThrow(corrupt);
    expect(() => new VarintReader(Uint8Array.from(bytes)).skipVarlong()).toThrow(corrupt);
  });

  it('never reads past its end', () => {
    const reader = new VarintReader(Uint8Array.of(0x80, 0x01), 0, 1);
    expect(() => reader.readVarint()).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }));
  });
});
