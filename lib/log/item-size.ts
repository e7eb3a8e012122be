/**
 * What an item costs in DynamoDB. Source: "DynamoDB item sizes and formats" in the developer guide: names and texts count their UTF-8
 * bytes, binaries their bytes, a number about one byte for two significant digits and one more, a list 3 bytes and one for each element.
 */
import type { Attribute, Item, ItemKey } from './item.ts';

const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;

const utf8Bytes = (value: string): number => Buffer.byteLength(value);

function numberBytes(value: bigint): number {
  const digits = (value < 0n ? -value : value).toString();
  const significant = digits.replace(/0+$/, '');
  return Math.ceil(significant.length / 2) + 1 + (value < 0n ? 1 : 0);
}

function attributeBytes(value: Attribute): number {
  if (typeof value === 'bigint') return numberBytes(value);
  if (typeof value === 'string') return utf8Bytes(value);
  if (value instanceof Uint8Array) return value.length;
  return value.reduce((sum, element) => sum + element.length + 1, 3);
}

/** Size of an item with its key and attribute names, in bytes. */
export function itemSizeBytes(key: ItemKey, item: Item): number {
  let sum = 2 + utf8Bytes(key.pk) + 2 + utf8Bytes(key.sk);
  for (const [name, value] of Object.entries(item)) sum += utf8Bytes(name) + attributeBytes(value);
  return sum;
}

/** Write units of changing an item: the larger of before and after, in KB, at least one. */
export function writeUnits(beforeBytes: number, afterBytes: number): number {
  return Math.max(1, Math.ceil(Math.max(beforeBytes, afterBytes) / WRITE_UNIT_BYTES));
}

/** Read units for `bytes` in one request: 4 KB each, half when eventually consistent, at least one (or a half). */
export function readUnits(bytes: number, consistent: boolean): number {
  const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
  return consistent ? units : units / 2;
}
