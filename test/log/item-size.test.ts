/**
 * Examples from the DynamoDB developer guide: "DynamoDB item sizes and formats" and "DynamoDB read and write operations" (capacity unit
 * consumption).
 */
import { describe, expect, it } from 'vitest';
import { itemSizeBytes, readUnits, writeUnits } from '../../lib/log/item-size.ts';

const key = { pk: '', sk: '' };
const KEY_BYTES = 4;

/** Bytes of one attribute without its name. */
const valueBytes = (value: Parameters<typeof itemSizeBytes>[1][string]): number =>
  itemSizeBytes(key, { a: value }) - KEY_BYTES - 1;

describe('the size of an item', () => {
  it('counts the UTF-8 bytes of names and texts', () => {
    // The guide's example: "shirt-color" is 11 bytes, "R" is 1.
    expect(itemSizeBytes(key, { 'shirt-color': 'R' }) - KEY_BYTES).toBe(12);
    // "shirt-size" is 10 bytes, "M" is 1.
    expect(itemSizeBytes(key, { 'shirt-color': 'R', 'shirt-size': 'M' }) - KEY_BYTES).toBe(23);
    expect(valueBytes('é流😀')).toBe(9);
  });

  it('counts the names and texts of the key', () => {
    expect(itemSizeBytes({ pk: 'P#1', sk: 'HEAD' }, {})).toBe(2 + 3 + 2 + 4);
  });

  it('counts about one byte for two significant digits of a number and one more, without zeros at its end', () => {
    expect(valueBytes(7n)).toBe(2);
    expect(valueBytes(12n)).toBe(2);
    expect(valueBytes(123n)).toBe(3);
    expect(valueBytes(1_234_567n)).toBe(5);
    expect(valueBytes(12_000_000n)).toBe(2);
    // "The size of a number is at most 21 bytes": 38 digits.
    expect(valueBytes(10n ** 38n - 1n)).toBe(20);
    expect(valueBytes(-(10n ** 38n) + 1n)).toBe(21);
  });

  it('counts one byte for zero', () => {
    expect(valueBytes(0n)).toBe(1);
  });

  it('counts one byte more for the sign', () => {
    expect(valueBytes(-27n)).toBe(3);
  });

  it('counts the raw bytes of a binary', () => {
    expect(valueBytes(new Uint8Array(0))).toBe(0);
    expect(valueBytes(new Uint8Array(1000))).toBe(1000);
  });

  it('counts three bytes for a list and one for each element', () => {
    // The guide: "An empty List or Map requires 3 bytes of overhead", "each List or Map element also requires 1 byte of overhead".
    expect(valueBytes([])).toBe(3);
    expect(valueBytes([new Uint8Array(10), new Uint8Array(20)])).toBe(3 + 11 + 21);
  });
});

describe('units', () => {
  it('write 1 KB each, for the larger of before and after, at least one', () => {
    expect(writeUnits(0, 0)).toBe(1);
    expect(writeUnits(0, 1024)).toBe(1);
    expect(writeUnits(0, 1025)).toBe(2);
    expect(writeUnits(1025, 10)).toBe(2);
    // The guide: an item of 2 KB takes two units; items of 500 bytes and 3.5 KB take one and four.
    expect(writeUnits(0, 2048)).toBe(2);
    expect(writeUnits(0, 500)).toBe(1);
    expect(writeUnits(0, 3.5 * 1024)).toBe(4);
  });

  it('read 4 KB each, half when eventual, at least one or a half', () => {
    // The guide: 3.5 KB is rounded up to 4 KB, 10 KB to 12 KB, and the sum of a query: 40.8 KB to 44 KB, 1,500 items of 64 bytes to 96 KB.
    expect(readUnits(3.5 * 1024, true)).toBe(1);
    expect(readUnits(10 * 1024, true)).toBe(3);
    expect(readUnits(40.8 * 1024, true)).toBe(11);
    expect(readUnits(1500 * 64, true)).toBe(24);
    expect(readUnits(8192, false)).toBe(1);
    expect(readUnits(1, true)).toBe(1);
    expect(readUnits(0, true)).toBe(1);
    expect(readUnits(0, false)).toBe(0.5);
    expect(readUnits(4097, false)).toBe(1);
  });
});
